import { z } from "zod";

/** A model as the API names it. */
export const ModelName = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .regex(/^[\w.:/@[\]-]+$/, "is not a model's name");

type Bounds = { least: number; most: number; unit: string };

/** The least and the most that each limit may be, in its own unit. A budget must also be more than nothing. */
export const RUN_LIMIT_BOUNDS = {
  timeSeconds: { least: 10, most: 7 * 24 * 3600, unit: "seconds" },
  stepSeconds: { least: 5, most: 7 * 24 * 3600, unit: "seconds" },
  turns: { least: 1, most: 10_000, unit: "turns" },
  budgetUsd: { least: 0, most: 100_000, unit: "US dollars" },
  memoryMb: { least: 512, most: 1024 * 1024, unit: "MiB" },
  cpus: { least: 0.1, most: 1024, unit: "processors" },
  processes: { least: 64, most: 100_000, unit: "processes" },
  diskMb: { least: 64, most: 10 * 1024 * 1024, unit: "MiB" },
  stallSeconds: { least: 5, most: 24 * 3600, unit: "seconds" },
  checkSeconds: { least: 1, most: 24 * 3600, unit: "seconds" },
  maxAttempts: { least: 1, most: 20, unit: "attempts" },
  answerSeconds: { least: 10, most: 7 * 24 * 3600, unit: "seconds" },
} as const satisfies Record<string, Bounds>;

const boundedNumber = ({ least, most, unit }: Bounds) => {
  const range = `must be between ${least.toLocaleString("en")} and ${most.toLocaleString("en")} ${unit}`;
  return z.number(`must be a number of ${unit}`).min(least, range).max(most, range);
};
const wholeNumber = (bounds: Bounds) => boundedNumber(bounds).int(`must be a whole number of ${bounds.unit}`);

const LIMITS = {
  timeSeconds: wholeNumber(RUN_LIMIT_BOUNDS.timeSeconds),
  /** One step, with its checks, may take this long; null: as long as the run may. */
  stepSeconds: wholeNumber(RUN_LIMIT_BOUNDS.stepSeconds).nullable(),
  /** Model turns of one step. */
  turns: wholeNumber(RUN_LIMIT_BOUNDS.turns),
  /** What the model may cost over the whole run; null: no ceiling. */
  budgetUsd: boundedNumber(RUN_LIMIT_BOUNDS.budgetUsd).positive("must be more than 0 US dollars").nullable(),
  memoryMb: wholeNumber(RUN_LIMIT_BOUNDS.memoryMb),
  cpus: boundedNumber(RUN_LIMIT_BOUNDS.cpus),
  processes: wholeNumber(RUN_LIMIT_BOUNDS.processes),
  diskMb: wholeNumber(RUN_LIMIT_BOUNDS.diskMb),
  /** Without any sign of life from the agent or a tool for this long, the agent counts as stalled. */
  stallSeconds: wholeNumber(RUN_LIMIT_BOUNDS.stallSeconds),
  /** One check command may take this long. */
  checkSeconds: wholeNumber(RUN_LIMIT_BOUNDS.checkSeconds),
  /** So often the agent may work on one step: each time but the last, a check that fails is given back to it. */
  maxAttempts: wholeNumber(RUN_LIMIT_BOUNDS.maxAttempts),
  /** The agent waits so long for an answer, which is no part of the run's time; then it is told that nobody answered, and goes on. */
  answerSeconds: wholeNumber(RUN_LIMIT_BOUNDS.answerSeconds),
};

/** What one run may use. Times in seconds, sizes in MiB (1,048,576 bytes), money in US dollars. */
export const RunLimits = z.strictObject({
  timeSeconds: LIMITS.timeSeconds.default(4 * 3600),
  stepSeconds: LIMITS.stepSeconds.default(null),
  turns: LIMITS.turns.default(500),
  budgetUsd: LIMITS.budgetUsd.default(null),
  memoryMb: LIMITS.memoryMb.default(4096),
  cpus: LIMITS.cpus.default(2),
  processes: LIMITS.processes.default(1024),
  diskMb: LIMITS.diskMb.default(20 * 1024),
  stallSeconds: LIMITS.stallSeconds.default(600),
  checkSeconds: LIMITS.checkSeconds.default(1800),
  maxAttempts: LIMITS.maxAttempts.default(2),
  answerSeconds: LIMITS.answerSeconds.default(3600),
});
export type RunLimits = z.infer<typeof RunLimits>;

/** Some limits of a run; nothing stands in the place of one that is left out. */
export const GivenLimits = z.strictObject(LIMITS).partial();
export type GivenLimits = z.infer<typeof GivenLimits>;

/** The limits of a run, of which each is the one that the last of these names, or else the usual one. Pure. */
export const limitsFrom = (...given: readonly (GivenLimits | undefined)[]): RunLimits => {
  const named = given.flatMap((limits) => Object.entries(limits ?? {}).filter(([, value]) => value !== undefined));
  return RunLimits.parse(Object.fromEntries(named));
};
