import type { PartName } from "./processes.ts";
import { seededRandom } from "./random.ts";

/** What is to be done next; it follows from the seed alone, whatever the stack makes of it. */
export type PlannedFault = {
  n: number;
  /** After the one before. */
  pauseMs: number;
  /** The first of them that runs is the one. */
  order: PartName[];
  /** Which of several processes of that part: at least 0, less than 1. */
  pick: number;
  what: { kind: "kill"; downMs: number } | { kind: "freeze"; forMs: number };
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
const FROZEN_MS = { least: 500, most: 6_000 };
/** Longer than a lease, so that whoever else may drive the runs would do so. */
export const BACKEND_FROZEN_MS = 32_000;

/** The fault number `n` of a plan. Pure. */
export const planFault = ({ seed, parts, freezeEvery, pauseMs }: PlanOptions, n: number): PlannedFault => {
  const random = seededRandom(Math.imul(seed, 7919) + n);
  const isFreeze = freezeEvery > 0 && n % freezeEvery === 0;
  // A sandbox is no single process, and an engine has no lease. The backend is stopped less often than others: it takes long.
  const can = parts.filter(
    (part) => !isFreeze || ["gateway", "executor", "agent"].includes(part) || (part === "backend" && random.next() < 0.5),
  );
  const order = can.map((part) => ({ part, at: random.next() })).sort((a, b) => a.at - b.at);
  return {
    n,
    pauseMs: Math.round(random.between(0, pauseMs)),
    order: order.map(({ part }) => part),
    pick: random.next(),
    what: isFreeze
      ? {
          kind: "freeze",
          forMs: order[0]?.part === "backend" ? BACKEND_FROZEN_MS : Math.round(random.between(FROZEN_MS.least, FROZEN_MS.most)),
        }
      : { kind: "kill", downMs: Math.round(random.between(0, DOWN_AT_MOST_MS)) },
  };
};
