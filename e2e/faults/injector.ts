import { setTimeout as delay } from "node:timers/promises";
import type { PlannedFault } from "./plan.ts";
import { findParts, type PartName, type PartProcess, signalProcess } from "./processes.ts";
import type { Trial } from "./trial.ts";

/** One thing that was done to the stack. */
export type Fault = {
  n: number;
  /** Since the injector was made. */
  atMs: number;
  part: PartName;
  /** `downMs`: how long a backend or an engine was left dead; null for a part that nobody but the server starts again. */
  what: { kind: "killed"; downMs: number | null } | { kind: "frozen"; forMs: number };
  pid: number;
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
  /** How many faults a run may have felt since it was launched. */
  feltBy(mark: string, launchedAt: number): number;
}

const TARGET_WITHIN_MS = 3_000;
const LOOK_EVERY_MS = 40;

/** Makes an injector for one trial. */
export const createInjector = ({ trial, engine }: { trial: Trial; engine: EngineControl | null }): Injector => {
  const startedAt = performance.now();
  const history: Fault[] = [];
  const comingBack = new Set<Promise<void>>();
  let engineIsBack = true;
  const failed = Promise.withResolvers<never>();
  // Whoever does not wait for it does not have to hear of it.
  failed.promise.catch(() => {});

  const inBackground = (work: Promise<void>): void => {
    comingBack.add(work);
    work.finally(() => comingBack.delete(work)).catch(failed.reject);
  };
  const record = (n: number, { part, pid, instanceId }: PartProcess, what: Fault["what"]): Fault => {
    const run = instanceId === null ? null : trial.progress.runOf(instanceId);
    const atMs = Math.round(performance.now() - startedAt);
    const fault: Fault = { n, atMs, part, what, pid, run, positions: trial.progress.positions() };
    history.push(fault);
    if (part !== "backend") trial.life.disturbed();
    trial.progress.disturbed();
    return fault;
  };
  const candidates = async (part: PartName): Promise<PartProcess[]> => {
    if (part !== "engine") return (await findParts(trial.dataDir)).filter((found) => found.part === part);
    // It is started again by us alone, one start at a time.
    const pid = engineIsBack ? ((await engine?.pid()) ?? null) : null;
    return pid === null ? [] : [{ part, pid, startedAt: "", instanceId: null }];
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
    trial.progress.disturbed();
  };
  const backendComesBack = async (downMs: number): Promise<void> => {
    await trial.life.untilGone();
    await delay(downMs);
    await trial.life.start();
    trial.progress.disturbed();
  };
  const kill = async (target: PartProcess, { n, downMs }: { n: number; downMs: number }): Promise<Fault | null> => {
    if (target.part === "engine") {
      const fault = record(n, target, { kind: "killed", downMs });
      inBackground(engineComesBack(downMs));
      return fault;
    }
    const isBackend = target.part === "backend";
    if (isBackend) trial.life.killed();
    if (!(await signalProcess(target, "SIGKILL"))) return null;
    const fault = record(n, target, { kind: "killed", downMs: isBackend ? downMs : null });
    if (isBackend) inBackground(backendComesBack(downMs));
    return fault;
  };
  const freeze = async (target: PartProcess, { n, forMs }: { n: number; forMs: number }): Promise<Fault | null> => {
    if (!(await signalProcess(target, "SIGSTOP"))) return null;
    const fault = record(n, target, { kind: "frozen", forMs });
    await delay(forMs);
    await signalProcess(target, "SIGCONT");
    trial.progress.disturbed();
    return fault;
  };
  return {
    history,
    apply: async (planned) => {
      const target = await find(planned);
      if (target === null) return null;
      const { n, what } = planned;
      return what.kind === "kill" ? kill(target, { n, downMs: what.downMs }) : freeze(target, { n, forMs: what.forMs });
    },
    failed: failed.promise,
    settled: async () => {
      while (comingBack.size > 0) await Promise.allSettled(comingBack);
    },
    feltBy: (mark, launchedAt) =>
      history.filter(({ run, atMs }) => (run === null || run === mark) && startedAt + atMs >= launchedAt).length,
  };
};

/** One line for a fault. */
export const describeFault = ({ n, atMs, part, what, pid, run, positions }: Fault): string => {
  const back = what.kind === "frozen" || what.downMs === null ? "" : `, started again after ${(what.downMs / 1000).toFixed(1)} s`;
  const how = what.kind === "killed" ? `killed${back}` : `frozen for ${(what.forMs / 1000).toFixed(1)} s`;
  const where = Object.entries(positions).map(([mark, seq]) => `${mark} at message ${seq}`);
  const whose = run === null ? "" : ` of ${run}`;
  return `${String(n).padStart(4)} ${(atMs / 1000).toFixed(2).padStart(8)} s  ${part} ${pid}${whose} ${how}; ${where.join(", ") || "no run"}`;
};
