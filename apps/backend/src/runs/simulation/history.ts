import { isFinal } from "@ccr/protocol";
import { judgeRun, whatIsLeft } from "./judge.ts";
import { makePlan } from "./plan.ts";
import { countTime } from "./timesheet.ts";
import { World } from "./world.ts";

// The longest script takes minutes; a server that died waits for a minute, and the reaper comes every minute.
const SETTLED_WITHIN_MS = 45 * 60_000;
const REAPED_WITHIN_MS = 5 * 60_000;
const LOOK_EVERY_MS = 1000;

export type History = {
  seed: number;
  violations: string[];
  lines: string[];
  checksum: number;
  /** How many runs there were. */
  runs: number;
  /** How many hosts people allowed, each for a run, and how many of them doors let through before it ended. */
  allowed: number;
  letThrough: number;
  virtualMs: number;
  events: number;
};

/** Plays the history of one seed to its end, and judges it. */
export const play = async (seed: number, options: { tellsAll: boolean } = { tellsAll: false }): Promise<History> => {
  const world = await World.open(seed, options);
  const { time, ledger, store } = world;
  const { servers, untilMs, isCalm } = await makePlan(world);
  const watch = (): void => {
    countTime(world, LOOK_EVERY_MS);
    const able = servers.filter(({ answers }) => answers).map(({ process }) => process);
    if (able.length > 0) ledger.watch(time.now, able, (process, id) => servers.some((server) => server.drives(process, id)));
    time.after(LOOK_EVERY_MS, watch);
  };
  watch();
  const isSettled = (): boolean =>
    time.now > untilMs && world.violations.length < 20 && [...ledger.runs.values()].every(({ status }) => isFinal(status));
  await time.run(isSettled, untilMs + SETTLED_WITHIN_MS);
  // What a run leaves, it leaves within a moment; the rest is the reaper's.
  let left: string[] = [];
  for (const waitMs of [3000, 30_000, 60_000, 60_000, REAPED_WITHIN_MS]) {
    await time.run(() => false, time.now + waitMs);
    left = await whatIsLeft(world, servers);
    if (left.length === 0) break;
    if (isCalm) world.violate(`${left.join(", ")} is left to the reaper, though nothing went wrong`);
  }
  for (const what of left) world.violate(`${what} is left`);
  const runs = await store.runs.list({ limit: 200 });
  for (const run of runs.toReversed()) {
    world.log(`${run.id} is ${run.status}: ${run.reason}`);
    await judgeRun(world, run);
  }
  await store[Symbol.asyncDispose]();
  const { violations, history: lines, checksum } = world;
  const allowed = [...ledger.runs.values()].reduce((sum, { allowedHosts }) => sum + allowedHosts.size, 0);
  const letThrough = world.letThrough.size;
  return { seed, violations, lines, checksum, runs: runs.length, allowed, letThrough, virtualMs: time.now, events: time.events };
};
