import type { ListedRun, RunId, RunsOverview } from "@ccr/protocol";
import { describeBatch, describeHold, describeRefusals, type Need } from "../home/needs.ts";
import type { NotificationSettings } from "./settings.ts";

/*
 * What a person is told of is what Home lists under “Needs you”, and what passed. So the number on the tab, the messages and that list never differ.
 */

/** Something that a person may want to be told of; `id` is the same for the same thing in every tab. */
export type News = { kind: "needsYou" | "endedBadly" | "endedWell"; id: string; runId: RunId; taskName: string; text: string };

/** What needs somebody now, and what ended last, of one answer of the server. */
export type Standing = { needs: readonly Need[]; recent: RunsOverview["recent"] };

/** What was seen of the last answer; null: none was. */
export type Seen = { needs: ReadonlySet<string>; ended: ReadonlySet<RunId>; newestEnd: string } | null;

const idOf = ({ kind, key }: Need): string => `${kind} ${key}`;

export const seenOf = ({ needs, recent }: Standing): NonNullable<Seen> => ({
  needs: new Set(needs.map(idOf)),
  ended: new Set(recent.map(({ id }) => id)),
  newestEnd: recent[0]?.endedAt ?? "",
});

/** Whether what was told under this id may be told again, since it is over. What ended badly is told once. Pure. */
export const isOver = (id: string, { needs }: NonNullable<Seen>): boolean => !/^ended(Well)? /.test(id) && !needs.has(id);

const told = ({ id, taskName }: Pick<ListedRun, "id" | "taskName">, text: string) => ({ runId: id, taskName, text });

/** A need as something to tell of, and when it came to be as far as that is known. Pure. */
const newsOfNeed = (need: Need): { news: News; at: string | null } | null => {
  const id = idOf(need);
  switch (need.kind) {
    case "waiting":
      return {
        news: { kind: "needsYou", id, ...told(need.run, need.run.outcome?.sentence ?? "It waits for an answer.") },
        at: null,
      };
    case "budget":
      return need.run === null ? null : { news: { kind: "needsYou", id, ...told(need.run, describeHold(need)) }, at: null };
    case "refused":
      return { news: { kind: "needsYou", id, ...told(need.runs[0], describeRefusals(need.runs)) }, at: null };
    case "ended": {
      const { outcome, endedAt } = need.run;
      return { news: { kind: "endedBadly", id, ...told(need.run, `${outcome?.title}. ${outcome?.sentence}`) }, at: endedAt };
    }
    case "batch": {
      const [newest] = need.runs;
      if (newest === undefined) return null;
      return { news: { kind: "endedBadly", id, ...told(newest, describeBatch(need.runs)) }, at: newest.endedAt };
    }
  }
};

/** What happened since the last answer, the oldest end first. The first answer is how things stand, and nothing that happened. Pure. */
export const newsOf = (seen: Seen, { needs, recent }: Standing): News[] => {
  if (seen === null) return [];
  // What ended before, and is in the answer again, only took the place of something that was dismissed or deleted.
  const isNew = (at: string | null): boolean => at === null || at >= seen.newestEnd;
  const fresh = needs.filter((need) => !seen.needs.has(idOf(need))).flatMap((need) => newsOfNeed(need) ?? []);
  const passed = recent
    .filter(({ id, status }) => status === "succeeded" && !seen.ended.has(id))
    .map((run) => ({
      news: { kind: "endedWell" as const, id: `endedWell ${run.id}`, ...told(run, run.outcome?.sentence ?? "It passed.") },
      at: run.endedAt,
    }));
  const ends = [...fresh.filter(({ at }) => at !== null), ...passed]
    .filter(({ at }) => isNew(at))
    .toSorted((one, other) => ((one.at ?? "") < (other.at ?? "") ? -1 : 1));
  return [...ends, ...fresh.filter(({ at }) => at === null)].map(({ news }) => news);
};

/** Those that the person wants to be told of. Pure. */
export const wanted = (news: readonly News[], settings: NotificationSettings): News[] =>
  news.filter(({ kind }) => settings[kind]);

const HEADS = { needsYou: "Needs you", endedBadly: "Ended badly", endedWell: "Passed" } as const satisfies Record<
  News["kind"],
  string
>;

/** What is told, in a heading and a sentence. Pure. */
export const wordsOf = ({ kind, taskName, text }: News): { title: string; body: string } => ({
  title: `${HEADS[kind]}: ${taskName}`,
  body: text,
});

export type Badge = { prefix: string; icon: "/icon.svg" | "/icon-waiting.svg" | "/icon-bad.svg" };

/** What the browser's tab shows: how many things need somebody, and whether a run waits for that, or is kept from a part of its work. Pure. */
export const badgeOf = (needs: readonly Need[]): Badge => {
  if (needs.length === 0) return { prefix: "", icon: "/icon.svg" };
  const isHeld = needs.some(({ kind }) => kind !== "ended" && kind !== "batch");
  return { prefix: `(${needs.length}) `, icon: isHeld ? "/icon-waiting.svg" : "/icon-bad.svg" };
};
