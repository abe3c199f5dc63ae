import { z } from "zod";
import { BatchId } from "./ids.ts";

/**
 * What somebody decided about a run of a batch. `chosen`: it is the one of its group that is taken; `closed`: another one of its group is;
 * `replaced`: it ended badly, and another run does its part in its place.
 */
export const BATCH_MARKS = ["chosen", "closed", "replaced"] as const;
export const BatchMark = z.enum(BATCH_MARKS);
export type BatchMark = z.infer<typeof BatchMark>;

/** The part that a run has in a batch. */
export const BatchMember = z.object({
  id: BatchId,
  /** Counted from 1: runs of one batch with the same number have the same repository and ref, and compete. */
  group: z.number().int().positive(),
  /** What tells its model or its task from those of the others; empty where a batch has one variant alone. */
  variant: z.string(),
  /** Counted from 1, of those with the same group and variant. */
  attempt: z.number().int().positive(),
  /** The place of its row in the table of the batch, counted from 1. */
  place: z.number().int().positive(),
  /** Counted from 1: the run that does the same part once more has the next number. */
  tries: z.number().int().positive(),
  mark: BatchMark.nullable(),
});
export type BatchMember = z.infer<typeof BatchMember>;
