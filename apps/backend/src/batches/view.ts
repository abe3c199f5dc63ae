import {
  type BatchState,
  type BatchView,
  isFinal,
  outcomeOf,
  RUN_OUTCOMES,
  RUN_STATUSES,
  type RunOutcomeName,
  type RunStatus,
} from "@ccr/protocol";
import type { BatchTallies, Tally } from "../store/batch-types.ts";

/** How many came out so, in a list: the first is for one, the other for several. */
const WORDS = {
  passed: null,
  passed_no_changes: null,
  checks_failed: ["failed its checks", "failed their checks"],
  gave_up: ["gave up", "gave up"],
  network_refused: ["was refused the network", "were refused the network"],
  limit_reached: ["reached a limit", "reached a limit"],
  waiting: ["waits for an answer", "wait for an answer"],
  canceled: ["was canceled", "were canceled"],
  sandbox_lost: ["lost its sandbox", "lost their sandboxes"],
  clone_failed: ["could not be cloned", "could not be cloned"],
  push_failed: ["could not be pushed", "could not be pushed"],
  internal: ["failed on the server's side", "failed on the server's side"],
} as const satisfies Record<RunOutcomeName, readonly [string, string] | null>;

const OUTCOME_NAMES = Object.keys(RUN_OUTCOMES).flatMap((name): RunOutcomeName[] => (isOutcome(name) ? [name] : []));

function isOutcome(name: string): name is RunOutcomeName {
  return Object.hasOwn(RUN_OUTCOMES, name);
}

const say = (count: number): string => count.toLocaleString("en");

/** How a batch stands, in one sentence or two. Pure. */
export const summarize = ({
  state,
  progress: { total },
  counts: { outcomes, statuses, removed, chosen },
}: Pick<BatchView, "progress" | "counts"> & { state: BatchState }): string => {
  const unchanged = outcomes.passed_no_changes ?? 0;
  const passed = (outcomes.passed ?? 0) + unchanged;
  const without = unchanged === 0 ? "" : ` (${say(unchanged)} without changes)`;
  const others = OUTCOME_NAMES.flatMap((name) => {
    const [words, count] = [WORDS[name], outcomes[name] ?? 0];
    return words === null || count === 0 ? [] : [`${say(count)} ${words[count === 1 ? 0 : 1]}`];
  });
  const gone = removed === 0 ? [] : [`${say(removed)} ${removed === 1 ? "is" : "are"} not kept any more`];
  const count = (...wanted: RunStatus[]) => wanted.reduce((sum, status) => sum + (statuses[status] ?? 0), 0);
  const open = [
    [count("starting", "running"), "going on"],
    [count("canceling"), "being canceled"],
    [count("queued"), state === "paused" ? "waiting until it is resumed" : "queued"],
  ] as const;
  const going = open.flatMap(([many, what]) => (many === 0 ? [] : [`${say(many)} ${what}`]));
  const ended = [`${say(passed)} of ${say(total)} passed${without}`, ...others, ...gone].join(", ");
  const decided = chosen === 0 ? "" : ` ${say(chosen)} ${chosen === 1 ? "is" : "are"} chosen.`;
  return `${ended}${going.length === 0 ? "" : `; ${going.join(", ")}`}.${decided}`;
};

const sumBy = <Key extends string>(
  tallies: readonly Tally[],
  keyOf: (tally: Tally) => Key | null,
): Partial<Record<Key, number>> => {
  const counts: Partial<Record<Key, number>> = {};
  for (const one of tallies) {
    const key = keyOf(one);
    if (key !== null) counts[key] = (counts[key] ?? 0) + one.count;
  }
  return counts;
};

const total = (tallies: readonly Tally[], fits: (tally: Tally) => boolean): number =>
  tallies.reduce((sum, one) => sum + (fits(one) ? one.count : 0), 0);

const isPushedLater = ({ reason, isDelivered }: Tally): boolean => reason === "push_failed" && isDelivered;

/** What could not be pushed at first, and was later, has passed. */
const outcomeNameOf = (tally: Tally): RunOutcomeName | null => {
  const { status, reason } = tally;
  if (isPushedLater(tally)) return "passed";
  return outcomeOf({ status, reason, sentence: null, delivered: null, additionalRepositories: [] })?.name ?? null;
};

/** A batch as the API tells it. Pure. */
export const toView = ({ batch, runs, tallies }: BatchTallies): BatchView => {
  const shown = tallies.filter(({ mark }) => mark !== "replaced");
  const removed = Math.max(0, runs - total(shown, () => true));
  const progress = { done: total(shown, ({ status }) => isFinal(status)) + removed, total: runs };
  const statuses = sumBy(shown, ({ status }) => status);
  const counts = {
    outcomes: sumBy(shown, outcomeNameOf),
    statuses: Object.fromEntries(RUN_STATUSES.flatMap((status) => (status in statuses ? [[status, statuses[status] ?? 0]] : []))),
    chosen: total(shown, ({ mark }) => mark === "chosen"),
    closed: total(shown, ({ mark }) => mark === "closed"),
    removed,
    retriable: total(
      shown,
      (one) => one.mark === null && isFinal(one.status) && one.status !== "succeeded" && !isPushedLater(one),
    ),
  };
  const moments = (of: "startedAt" | "endedAt") => tallies.flatMap((one) => one[of] ?? []).toSorted();
  return {
    ...batch,
    progress,
    counts,
    costUsd: tallies.reduce((sum, one) => sum + one.costUsd, 0),
    startedAt: moments("startedAt")[0] ?? null,
    endedAt: progress.done < progress.total ? null : (moments("endedAt").at(-1) ?? null),
    summary: summarize({ state: batch.state, progress, counts }),
  };
};
