import type { Attention, RunId } from "@ccr/protocol";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { useApi } from "../api/client.ts";
import { useStored } from "../ui/stored.ts";
import { useToasts } from "../ui/toast.tsx";
import { useBadge } from "./badge.ts";
import { Hint } from "./hint.tsx";
import { badgeOf, endOf, type News, newsOf, type Seen, seenOf, wanted, wordsOf } from "./news.ts";
import { notificationSettings } from "./settings.ts";
import { claim, isAnyLookedAt, isLookedAt, showThatLookedAt, unclaim } from "./tabs.ts";

/** As often as the heartbeat, with which it goes in one request. */
const EVERY_MS = 5000;

const TONES = { needsYou: "warn", endedBadly: "bad", endedWell: "ok" } as const;

/** The runs that ended badly while nobody looked at this tab. */
const useUnlookedAt = (): [number, (news: readonly News[]) => void] => {
  const [bad, setBad] = useState<ReadonlySet<RunId>>(new Set());
  useEffect(() => {
    const forget = (): void => {
      if (isLookedAt()) setBad((old) => (old.size === 0 ? old : new Set()));
    };
    addEventListener("focus", forget);
    document.addEventListener("visibilitychange", forget);
    return () => {
      removeEventListener("focus", forget);
      document.removeEventListener("visibilitychange", forget);
    };
  }, []);
  const add = (news: readonly News[]): void => {
    const ids = news.flatMap(({ run }) => (endOf(run) === "endedBadly" ? [run.id] : []));
    if (ids.length > 0 && !isLookedAt()) setBad((old) => new Set([...old, ...ids]));
  };
  return [bad.size, add];
};

/**
 * Tells a person of runs that need them or have ended: in the page when they look at it, outside of it when they look at none of its tabs and
 * have allowed that, and on the tab in any case.
 */
export const Notifier = () => {
  const { trpc } = useApi();
  const navigate = useNavigate();
  const toasts = useToasts();
  const [settings] = useStored(notificationSettings);
  const path = useRouterState({ select: (state) => state.location.pathname });
  const attention = useQuery(
    trpc.server.attention.queryOptions(undefined, { refetchInterval: EVERY_MS, refetchIntervalInBackground: true }),
  );
  const [bad, addBad] = useUnlookedAt();
  useEffect(showThatLookedAt, []);

  const open = (runId: RunId): void => void navigate({ to: "/runs/$runId", params: { runId } });
  const tell = async (news: readonly News[]): Promise<void> => {
    const isHere = isLookedAt();
    // Where another tab is looked at, that one tells.
    if (!isHere && (await isAnyLookedAt())) return;
    const fresh = new Set(await claim(news.map(({ id }) => id)));
    for (const each of news) {
      const { title, body } = wordsOf(each);
      const { run } = each;
      if (isHere) {
        // Who is on the run's own page sees it there.
        if (path !== `/runs/${run.id}`)
          toasts.news(TONES[each.kind], `${title}. ${body}`, { label: "Open the run", run: () => open(run.id) });
      } else if (fresh.has(each.id) && settings.desktop && "Notification" in window && Notification.permission === "granted") {
        const shown = new Notification(title, { body, tag: each.id, icon: "/icon.svg" });
        shown.onclick = () => {
          window.focus();
          open(run.id);
          shown.close();
        };
      }
    }
  };

  const seen = useRef<Seen>(null);
  const act = useRef<(attention: Attention) => void>(() => {});
  act.current = (now) => {
    const news = newsOf(seen.current, now);
    seen.current = seenOf(now);
    const waiting = seen.current.waiting;
    const isOver = (id: string): boolean => id.startsWith("waiting ") && ![...waiting].some((runId) => id === `waiting ${runId}`);
    void unclaim(isOver).then(() => {
      const told = wanted(news, settings);
      addBad(told);
      return tell(told);
    }, toasts.error);
  };
  const { data } = attention;
  useEffect(() => {
    if (data !== undefined) act.current(data);
  }, [data]);

  const waiting = settings.needsYou ? (data?.waiting.length ?? 0) : 0;
  useBadge(badgeOf({ waiting, bad }));
  return <Hint path={path} />;
};
