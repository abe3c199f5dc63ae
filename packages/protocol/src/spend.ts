import { z } from "zod";
import { Timestamp } from "./ids.ts";

/** Where the spans meet for which money is added up, the oldest first: midnights of whoever asks, so that days are theirs. */
export const SpendInput = z.strictObject({
  boundaries: z
    .array(Timestamp)
    .min(2, "give at least two moments")
    .max(63, "give at most 63 moments")
    .refine((all) => all.every((at, index) => index === 0 || at > (all[index - 1] ?? "")), "the moments must be in order"),
});
export type SpendInput = z.infer<typeof SpendInput>;

/** What the model cost. A run counts where it ended, with all that it cost. */
export const Spend = z.object({
  spans: z.array(z.object({ from: Timestamp, to: Timestamp, runs: z.number().int(), costUsd: z.number() })),
  /** What the runs that go on have cost so far. */
  going: z.object({ runs: z.number().int(), costUsd: z.number() }),
});
export type Spend = z.infer<typeof Spend>;
