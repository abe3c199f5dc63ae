import { z } from "zod";
import { RunId, Timestamp } from "./ids.ts";
import { RunStatus } from "./outcome.ts";

/** A run that somebody may want to know of; `sentence` says what it waits for, or how it ended. */
export const AttentionRun = z.object({
  id: RunId,
  taskName: z.string(),
  status: RunStatus,
  title: z.string(),
  sentence: z.string(),
});
export type AttentionRun = z.infer<typeof AttentionRun>;

/** What pages ask again and again, so that they can tell a person: one small answer from two indexes, however many runs there are. */
export const Attention = z.object({
  /** Those that wait for a person; at most 50. */
  waiting: z.array(AttentionRun),
  /** Those that ended last, the newest first; at most 20. */
  ended: z.array(AttentionRun.extend({ endedAt: Timestamp })),
});
export type Attention = z.infer<typeof Attention>;
