import { setTimeout as delay } from "node:timers/promises";
import { lengthMs, type PlannedFault } from "./plan.ts";
import { findParts, type PartName, type PartProcess, signalProcess } from "./processes.ts";
import type { Trial } from "./trial.ts";

/** One thing that was done to the stack. */
export type Fault = {
  n: number;
  /** Since the injector was made. */
  atMs: number;
  part: PartName;
  /** `downMs`: how long it was left dead; null for a part that nobody but a server starts again. */
  what: { kind: "killed"; downMs: number | null } | { kind: "frozen"; forMs: number };
  pid: number;
  /** Whose backend or gateway it was, counted from 1; null where there is only one server, and for what belongs to none. */
  server: number | null;
  /** The run whose sandbox it was; null where all may have felt it. */
  run: string | null;
  /** How many messages each run had that was going on. */
  positions: Record<string, number>;
};

/** An engine that belongs to this trial alone. */
export interface EngineControl {
  pid(): Promise<number | null>;
  /** Kills it and waits until it is gone. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** Does things to the stack, and remembers what. */
export interface Injector {
  readonly history: readonly Fault[];
  /** Does what is planned, to a part that runs now. A kill resolves at once, a freeze when the part goes on. Null: no such part runs. */
  apply(planned: PlannedFault): Promise<Fault | null>;
  /** Resolves when everything that was killed and is to be started again is up. */
  settled(): Promise<void>;
  /** Rejects when something that is to be started again does not come up. */
  readonly failed: Promise<never>;
  /** When there were faults by which work is done again, and that a run may have felt since it was launched, in milliseconds since 1970. */
  feltBy(mark: string, launchedAt: number): number[];
}

const TARGET_WITHIN_MS = 3_000;
const LOOK_EVERY_MS = 40;

/** Makes an injector for one trial. */
export const createInjector = ({ trial, engine }: { trial: Trial; engine: EngineControl | null }): Injector => {
  const { servers, troubles, database } = trial;
  const startedAt = performance.now();
  const history: Fault[] = [];
  const comingBack = new Set<Promise<void>>();
  let engineIsBack = true;
  const failed = Promise.withResolvers<never>();
  // Whoever does not wait for it does not have to hear of it.
  failed.promise.catch(() => {});

  const inBackground = (act: () => Promise<void>): void => {
    const work = troubles.during(act);
    comingBack.add(work);
    work.finally(() => comingBack.delete(work)).catch(failed.reject);
  };
  const record = (n: number, target: PartProcess, what: Fault["what"]): Fault => {
    const { part, pid, instanceId } = target;
    const run = instanceId === null ? null : trial.progress.runOf(instanceId);
    const atMs = Math.round(performance.now() - startedAt);
    const server = servers.lives.length === 1 || target.server === null ? null : target.server + 1;
    const fault: Fault = { n, atMs, part, what, pid, server, run, positions: trial.progress.positions() };
    history.push(fault);
    // Whoever kills a server says so himself, and before. One that was frozen while it started may have run out of time for a part of it.
    const isKilledServer = part === "backend" && what.kind === "killed";
    for (const [number, life] of servers.lives.entries())
      if (!isKilledServer && (target.server === null || target.server === number)) life.disturbed();
    troubles.note();
    return fault;
  };
  /** The number of what is killed and started again by us alone, one start at a time. */
  const pidOutside = async (part: "engine" | "database"): Promise<number | null> => {
    if (part === "engine") return engineIsBack ? ((await engine?.pid()) ?? null) : null;
    return database === null || database.isAway() ? null : database.pid();
  };
  const candidates = async (part: PartName): Promise<PartProcess[]> => {
    if (part === "engine" || part === "database") {
      const pid = await pidOutside(part);
      return pid === null ? [] : [{ part, pid, startedAt: "", instanceId: null, server: null }];
    }
    const found = (await findParts(trial.dataDirs)).filter((each) => each.part === part);
    return found.sort((a, b) => (a.server ?? 0) - (b.server ?? 0) || a.pid - b.pid);
  };
  const find = async ({ order, pick }: PlannedFault): Promise<PartProcess | null> => {
    for (const part of order) {
      const giveUpAt = performance.now() + TARGET_WITHIN_MS;
      do {
        const found = await candidates(part);
        const one = found[Math.floor(pick * found.length)];
        if (one !== undefined) return one;
        await delay(LOOK_EVERY_MS);
      } while (performance.now() < giveUpAt);
    }
    return null;
  };
  const engineComesBack = async (downMs: number): Promise<void> => {
    engineIsBack = false;
    await engine?.kill();
    await delay(downMs);
    await engine?.start();
    engineIsBack = true;
  };
  const databaseComesBack = async (downMs: number, how: "immediate" | "kill"): Promise<void> => {
    await database?.stop(how);
    await delay(downMs);
    await database?.start();
  };
  const kill = async (target: PartProcess, planned: PlannedFault): Promise<Fault | null> => {
    const { part } = target;
    const { n } = planned;
    const downMs = lengthMs(planned, part);
    if (part === "engine" || part === "database") {
      const fault = record(n, target, { kind: "killed", downMs });
      // Clients are told of a crash in the one way, and not in the other.
      const how = planned.pick < 0.5 ? "kill" : "immediate";
      inBackground(() => (part === "engine" ? engineComesBack(downMs) : databaseComesBack(downMs, how)));
      return fault;
    }
    const life = part === "backend" ? servers.lives[target.server ?? 0] : undefined;
    life?.killed();
    if (!(await signalProcess(target, "SIGKILL"))) return null;
    const fault = record(n, target, { kind: "killed", downMs: life === undefined ? null : downMs });
    if (life !== undefined)
      inBackground(async () => {
        await life.untilGone();
        await delay(downMs);
        await life.start();
      });
    return fault;
  };
  const freeze = async (target: PartProcess, planned: PlannedFault): Promise<Fault | null> => {
    if (!(await signalProcess(target, "SIGSTOP"))) return null;
    const forMs = lengthMs(planned, target.part);
    const fault = record(planned.n, target, { kind: "frozen", forMs });
    await troubles.during(async () => {
      await delay(forMs);
      await signalProcess(target, "SIGCONT");
    });
    return fault;
  };
  return {
    history,
    apply: async (planned) => {
      const target = await find(planned);
      if (target === null) return null;
      return planned.kind === "kill" ? kill(target, planned) : freeze(target, planned);
    },
    failed: failed.promise,
    settled: async () => {
      while (comingBack.size > 0) await Promise.allSettled(comingBack);
    },
    // A database that is away ends no agent, so that nothing has to be done again.
    feltBy: (mark, launchedAt) =>
      history
        .filter(({ part, run, atMs }) => part !== "database" && (run === null || run === mark) && startedAt + atMs >= launchedAt)
        .map(({ atMs }) => performance.timeOrigin + startedAt + atMs),
  };
};

/** One line for a fault. */
export const describeFault = ({ n, atMs, part, what, pid, server, run, positions }: Fault): string => {
  const back = what.kind === "frozen" || what.downMs === null ? "" : `, started again after ${(what.downMs / 1000).toFixed(1)} s`;
  const how = what.kind === "killed" ? `killed${back}` : `frozen for ${(what.forMs / 1000).toFixed(1)} s`;
  const where = Object.entries(positions).map(([mark, seq]) => `${mark} at message ${seq}`);
  const whose = run !== null ? ` of ${run}` : server !== null ? ` of server ${server}` : "";
  return `${String(n).padStart(4)} ${(atMs / 1000).toFixed(2).padStart(8)} s  ${part} ${pid}${whose} ${how}; ${where.join(", ") || "no run"}`;
};
