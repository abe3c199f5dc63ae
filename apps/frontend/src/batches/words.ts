import type { BatchMember, BatchRow, BatchView } from "@ccr/protocol";
import { plural } from "../ui/format.ts";

/** The part of a run in its batch, in few words. Pure. */
export const describeMember = ({ variant, attempt, mark, tries }: Omit<BatchMember, "id" | "group" | "place">): string =>
  [
    "Batch",
    variant,
    attempt > 1 ? `run ${attempt}` : "",
    tries > 1 ? `launched ${tries} times` : "",
    mark === null ? "" : MARKS[mark],
  ]
    .filter((part) => part !== "")
    .join(" · ");

export const MARKS = { chosen: "chosen", closed: "closed", replaced: "replaced" } as const;

/** What tells runs of one group apart; empty when nothing does. Pure. */
export const describeWay = ({ variant, attempt }: Pick<BatchRow, "variant" | "attempt">, attempts: number): string =>
  [variant, attempts > 1 ? `run ${attempt}` : ""].filter((part) => part !== "").join(", ");

/** How many of which repositories a batch has. Pure. */
export const describeSize = ({ groups, attempts, variants, progress }: BatchView): string => {
  const parts = [plural(groups, "repository", "repositories")];
  if (variants.length > 1) parts.push(plural(variants.length, "variant"));
  if (attempts > 1) parts.push(plural(attempts, "attempt"));
  return parts.length === 1 ? parts.join("") : `${parts.join(" × ")}, ${plural(progress.total, "run")}`;
};

/** Whether runs of a batch compete with each other. Pure. */
export const competes = ({ attempts, variants }: Pick<BatchView, "attempts" | "variants">): boolean =>
  attempts * variants.length > 1;

/** What choosing a run does to the others of its group, plainly. Pure. */
export const choiceWords = (
  others: readonly Pick<BatchRow, "status" | "mark">[],
  isFinal: (status: BatchRow["status"]) => boolean,
): string => {
  if (others.length === 0) return "It competes with no other run: it is marked as chosen.";
  const going = others.filter(({ status }) => !isFinal(status)).length;
  const ended = others.length - going;
  const parts = [
    going === 0
      ? ""
      : `${plural(going, "run")} that ${going === 1 ? "has" : "have"} not ended ${going === 1 ? "is" : "are"} canceled; what was done so far is kept.`,
    ended === 0
      ? ""
      : `${plural(ended, "run")} that ${ended === 1 ? "has" : "have"} ended ${ended === 1 ? "is" : "are"} marked as closed.`,
  ];
  return `${parts.filter((part) => part !== "").join(" ")} Nothing is deleted, and you can choose another one later.`;
};
