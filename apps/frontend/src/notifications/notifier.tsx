import type { RunId } from "@ccr/protocol";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useRouter, useRouterState } from "@tanstack/react-router";
import { useEffect, useMemo, useRef } from "react";
import { useApi } from "../api/client.ts";
import { needsOf } from "../home/needs.ts";
import { seenRefusals } from "../home/seen-refusals.ts";
import { useStored } from "../ui/stored.ts";
import { useToasts } from "../ui/toast.tsx";
import { useBadge } from "./badge.ts";
import { Hint } from "./hint.tsx";
import { badgeOf, isOver, type News, newsOf, type Seen, type Standing, seenOf, wanted, wordsOf } from "./news.ts";
import { notificationSettings } from "./settings.ts";
import { onClicked, showNotification } from "./show.ts";
import { claim, isAnyLookedAt, isLookedAt, showThatLookedAt, unclaim } from "./tabs.ts";

/** As often as the heartbeat, with which it goes in one request. */
const EVERY_MS = 5000;

const TONES = { needsYou: "warn", endedBadly: "bad", endedWell: "ok" } as const;

/**
 * Tells a person of what needs them and what has ended: in the page when they look at it, outside of it when they look at none of its tabs and
 * have allowed that; and on the tab in any case how many things need them, as Home lists them.
 */
export const Notifier = () => {
  const { trpc } = useApi();
  const navigate = useNavigate();
  const { history } = useRouter();
  const toasts = useToasts();
  const [settings] = useStored(notificationSettings);
  const path = useRouterState({ select: (state) => state.location.pathname });
  const { data } = useQuery(
    trpc.runs.overview.queryOptions(undefined, { refetchInterval: EVERY_MS, refetchIntervalInBackground: true }),
  );
  const [refusals] = useStored(seenRefusals);
  const now = useMemo(
    () => (data === undefined ? null : { needs: needsOf(data, refusals), recent: data.recent }),
    [data, refusals],
  );
  useEffect(showThatLookedAt, []);
  useEffect(() => onClicked(history.push), [history]);

  const open = (runId: RunId): void => void navigate({ to: "/runs/$runId", params: { runId } });
  const tellHere = (each: News): void => {
    const { title, body } = wordsOf(each);
    toasts.news(TONES[each.kind], `${title}. ${body}`, { label: "Open the run", run: () => open(each.runId) });
  };
  /** What cannot be shown outside is told here, where it is seen later, and counts as told by no tab. */
  const tellOutside = async (each: News): Promise<void> => {
    const shown = { ...wordsOf(each), tag: each.id, path: `/runs/${each.runId}` };
    try {
      await showNotification(shown, history.push);
    } catch (error) {
      await unclaim((id) => id === each.id);
      toasts.error(error);
      tellHere(each);
    }
  };
  const tell = async (news: readonly News[]): Promise<void> => {
    const isHere = isLookedAt();
    // Where another tab is looked at, that one tells.
    if (!isHere && (await isAnyLookedAt())) return;
    const fresh = new Set(await claim(news.map(({ id }) => id)));
    // Who is on the run's own page sees it there.
    if (isHere) return news.filter(({ runId }) => path !== `/runs/${runId}`).forEach(tellHere);
    if (!settings.desktop || !("Notification" in window) || Notification.permission !== "granted") return;
    await Promise.all(news.filter(({ id }) => fresh.has(id)).map(tellOutside));
  };

  const seen = useRef<Seen>(null);
  const act = useRef<(now: Standing) => void>(() => {});
  act.current = (standing) => {
    const told = wanted(newsOf(seen.current, standing), settings);
    const known = seenOf(standing);
    seen.current = known;
    unclaim((id) => isOver(id, known))
      .then(() => tell(told))
      .catch(toasts.error);
  };
  useEffect(() => {
    if (now !== null) act.current(now);
  }, [now]);

  useBadge(badgeOf(now?.needs ?? []));
  return <Hint path={path} />;
};
