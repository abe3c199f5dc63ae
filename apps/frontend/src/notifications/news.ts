import type { Attention, AttentionRun, RunId } from "@ccr/protocol";
import type { NotificationSettings } from "./settings.ts";

/** Something that a person may want to be told of. */
export type News = { kind: "needsYou" | "endedBadly" | "endedWell"; id: string; run: AttentionRun };

/** What was seen of the last answer; null: none was. */
export type Seen = { waiting: ReadonlySet<RunId>; ended: ReadonlySet<RunId>; newestEnd: string } | null;

export const seenOf = ({ waiting, ended }: Attention): NonNullable<Seen> => ({
  waiting: new Set(waiting.map(({ id }) => id)),
  ended: new Set(ended.map(({ id }) => id)),
  newestEnd: ended[0]?.endedAt ?? "",
});

/** How an end is to be taken; null: it is the person's own doing. Pure. */
export const endOf = (run: Pick<AttentionRun, "status">): "endedBadly" | "endedWell" | null => {
  if (run.status === "succeeded") return "endedWell";
  return run.status === "failed" || run.status === "errored" ? "endedBadly" : null;
};

/** What happened since the last answer, the oldest first. The first answer is how things stand, and nothing that happened. Pure. */
export const newsOf = (seen: Seen, now: Attention): News[] => {
  if (seen === null) return [];
  const waits = now.waiting
    .filter(({ id }) => !seen.waiting.has(id))
    .map((run): News => ({ kind: "needsYou", id: `waiting ${run.id}`, run }));
  const ends = now.ended
    // An older one that is in the answer again only took the place of one that was deleted.
    .filter(({ id, endedAt }) => !seen.ended.has(id) && endedAt >= seen.newestEnd)
    .flatMap((run): News[] => {
      const kind = endOf(run);
      return kind === null ? [] : [{ kind, id: `ended ${run.id}`, run }];
    });
  return [...ends.toReversed(), ...waits];
};

/** Those that the person wants to be told of. Pure. */
export const wanted = (news: readonly News[], settings: NotificationSettings): News[] =>
  news.filter(({ kind }) => settings[kind]);

const HEADS = { needsYou: "Needs you", endedBadly: "Ended badly", endedWell: "Passed" } as const satisfies Record<
  News["kind"],
  string
>;

/** What is told, in a heading and a sentence. Pure. */
export const wordsOf = ({ kind, run }: News): { title: string; body: string } => ({
  title: `${HEADS[kind]}: ${run.taskName}`,
  body: kind === "endedBadly" ? `${run.title}. ${run.sentence}` : run.sentence,
});

export type Badge = { prefix: string; icon: "/icon.svg" | "/icon-waiting.svg" | "/icon-bad.svg" };

/** What the browser's tab shows: how many runs wait for the person, and whether one ended badly that was not looked at. Pure. */
export const badgeOf = ({ waiting, bad }: { waiting: number; bad: number }): Badge => {
  if (waiting > 0) return { prefix: `(${waiting}) `, icon: "/icon-waiting.svg" };
  return bad > 0 ? { prefix: "● ", icon: "/icon-bad.svg" } : { prefix: "", icon: "/icon.svg" };
};
