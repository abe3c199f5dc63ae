import type { PartName } from "./processes.ts";
import { seededRandom } from "./random.ts";

/** What is to be done next; it follows from the seed alone, whatever the stack makes of it. */
export type PlannedFault = {
  n: number;
  /** After the one before. */
  pauseMs: number;
  /** The first of them that runs is the one. */
  order: PartName[];
  /** Which of several processes of that part, or in which of several ways: at least 0, less than 1. */
  pick: number;
  kind: "kill" | "freeze";
  /** How long it lasts, of what is possible for the part: see `lengthMs`. At least 0, less than 1. */
  length: number;
};

export type PlanOptions = {
  seed: number;
  parts: readonly PartName[];
  /** Every so many faults, one is a freeze; 0: none is. */
  freezeEvery: number;
  /** Between two faults, at most. */
  pauseMs: number;
};

const DOWN_AT_MOST_MS = 10_000;
/** Longer than a lease, which nobody can renew meanwhile. */
const DATABASE_DOWN_AT_MOST_MS = 40_000;
const FROZEN_MS = { least: 500, most: 6_000 };
/** Longer than a lease, so that whoever else may drive the runs would do so. */
export const BACKEND_FROZEN_MS = 32_000;

/** The fault number `n` of a plan. Pure. */
export const planFault = ({ seed, parts, freezeEvery, pauseMs }: PlanOptions, n: number): PlannedFault => {
  const random = seededRandom(Math.imul(seed, 7919) + n);
  const isFreeze = freezeEvery > 0 && n % freezeEvery === 0;
  // A sandbox is no single process, and neither engine nor database has a lease. The backend is stopped less often than others: it takes long.
  const can = parts.filter(
    (part) => !isFreeze || ["gateway", "executor", "agent"].includes(part) || (part === "backend" && random.next() < 0.5),
  );
  const order = can.map((part) => ({ part, at: random.next() })).sort((a, b) => a.at - b.at);
  return {
    n,
    pauseMs: Math.round(random.between(0, pauseMs)),
    order: order.map(({ part }) => part),
    pick: random.next(),
    kind: isFreeze ? "freeze" : "kill",
    length: random.next(),
  };
};

/** How long a part is left dead, or stopped, when the fault meets that part. Pure. */
export const lengthMs = ({ kind, length }: Pick<PlannedFault, "kind" | "length">, part: PartName): number => {
  if (kind === "kill") return Math.round(length * (part === "database" ? DATABASE_DOWN_AT_MOST_MS : DOWN_AT_MOST_MS));
  return part === "backend" ? BACKEND_FROZEN_MS : Math.round(FROZEN_MS.least + length * (FROZEN_MS.most - FROZEN_MS.least));
};
