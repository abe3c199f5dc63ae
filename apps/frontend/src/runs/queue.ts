import { holdSentence, type QueuePlace, type RunView } from "@ccr/protocol";

const HOLDS = {
  all: "all slots of the server are in use",
  repository: "as many runs of this repository go on as may",
  task: "as many runs of this task go on as may",
  batch: "as many runs of its batch go on as may",
  paused: "its batch is paused",
  disk: "the server's disk is low on room",
  server: "it waits for the server that keeps the work it goes on with",
  budget: "the day's budget is used up",
} as const satisfies Record<NonNullable<QueuePlace["heldBy"]>, string>;

const ordinal = (value: number): string => {
  const plain = value.toLocaleString("en");
  if (value % 100 >= 11 && value % 100 <= 13) return `${plain}th`;
  return `${plain}${["th", "st", "nd", "rd"][value % 10] ?? "th"}`;
};

/** Where a queued run stands and what it waits for, in few words. Pure. */
export const queueSentence = ({ queue, priority }: Pick<RunView, "queue" | "priority">): string => {
  const urgent = priority === 0 ? "" : `, with priority ${priority > 0 ? "+" : ""}${priority}`;
  if (queue === null) return `Waiting for its turn${urgent}.`;
  const place = queue.queued === 1 ? "Next in the queue" : `${ordinal(queue.position)} of ${queue.queued} in the queue`;
  if (queue.heldBy === null) return `${place}${urgent}.`;
  return `${place}${urgent}: ${queue.budget === undefined ? HOLDS[queue.heldBy] : holdSentence(queue.budget)}.`;
};
