import { setTimeout as delay } from "node:timers/promises";
import { isFinal, type Run } from "@ccr/protocol";
import type { Finding } from "./findings.ts";
import type { Servers } from "./servers.ts";
import type { Troubles } from "./troubles.ts";

const LOOK_EVERY_MS = 250;
const ANSWER_WITHIN_MS = 2_000;

/** One lease: no run may be without an owner for longer. */
export const LEASE_MS = 30_000;

/** What is known of a run that goes on. */
type Course = {
  id: Run["id"];
  status: Run["status"];
  lastSeq: number;
  instanceIds: Set<string>;
  progressAt: number;
  backAt: number | null;
  toldStuck: boolean;
};

/** Looks at the runs through the API of one server after the other, over their deaths, and measures how long they stand still. */
export interface Progress extends AsyncDisposable {
  follow(mark: string, id: Run["id"]): void;
  /** Resolves when the API says that the run is final; null when it is not in time, which counts from the moment of `undisturbed`. */
  untilFinal(mark: string, limit: { withinMs: number; undisturbed?: AbortSignal }): Promise<Run | null>;
  /** Whose sandbox it is or was, as far as is known. */
  runOf(instanceId: string): string | null;
  /** How many messages each run that goes on has, as far as is known. */
  positions(): Record<string, number>;
  /** How long it took from the only server's return to the next progress of each run that was going on, in milliseconds. */
  pickUps(): readonly number[];
  /** The longest time, in milliseconds, that a run stood still after it had begun, whatever was done meanwhile. */
  longestStillMs(): number;
  findings(): readonly Finding[];
}

export const followProgress = (servers: Servers, troubles: Troubles): Progress => {
  const courses = new Map<string, Course>();
  const finals = new Map<string, Run>();
  const pickUps: number[] = [];
  const findings: Finding[] = [];
  const closing = new AbortController();
  // With several of them a run goes on without the one that is back.
  const only = servers.lives.length === 1 ? servers.lives[0] : undefined;
  let generation = only?.generation();
  let turn = 0;
  let longestStillMs = 0;

  const note = (mark: string, course: Course, run: Run): void => {
    const now = performance.now();
    if (run.instanceId !== null) course.instanceIds.add(run.instanceId);
    const moved = run.lastSeq > course.lastSeq || run.status !== course.status;
    if (moved) {
      if (course.status !== "queued") longestStillMs = Math.max(longestStillMs, now - course.progressAt);
      if (course.backAt !== null) pickUps.push(now - course.backAt);
      Object.assign(course, { lastSeq: run.lastSeq, status: run.status, progressAt: now, backAt: null, toldStuck: false });
    }
    if (isFinal(run.status)) {
      finals.set(mark, run);
      courses.delete(mark);
      return;
    }
    const quietSince = Math.max(course.progressAt, troubles.lastAt(), servers.upSince() ?? now);
    if (run.status === "queued" || course.toldStuck || now - quietSince < LEASE_MS) return;
    course.toldStuck = true;
    findings.push({
      kind: "stuck",
      run: mark,
      text: `${run.status} at message ${run.lastSeq} for ${Math.round((now - quietSince) / 1000)} s, with a server that was up and nothing done to it`,
    });
  };
  const look = async (): Promise<void> => {
    const server = servers.near(turn++);
    if (server === null) return;
    const isNew = generation !== only?.generation();
    generation = only?.generation();
    for (const [mark, course] of courses) {
      if (isNew && course.status !== "queued") course.backAt = only?.upSince() ?? null;
      const run = await server.client.runs.byId.query({ id: course.id }, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
      note(mark, course, run);
    }
  };
  const loop = (async () => {
    while (!closing.signal.aborted) {
      // It dies and freezes as it is told to; the next look sees more.
      await look().catch(() => {});
      await delay(LOOK_EVERY_MS, undefined, { signal: closing.signal }).catch(() => {});
    }
  })();
  return {
    follow: (mark, id) =>
      courses.set(mark, {
        id,
        status: "queued",
        lastSeq: 0,
        instanceIds: new Set(),
        progressAt: performance.now(),
        backAt: null,
        toldStuck: false,
      }),
    untilFinal: async (mark, { withinMs, undisturbed }) => {
      let giveUpAt = performance.now() + withinMs;
      for (;;) {
        const run = finals.get(mark);
        if (run !== undefined || performance.now() > giveUpAt) return run ?? null;
        if (undisturbed?.aborted === false) giveUpAt = performance.now() + withinMs;
        await delay(50);
      }
    },
    runOf: (instanceId) => [...courses].find(([, { instanceIds }]) => instanceIds.has(instanceId))?.[0] ?? null,
    positions: () => Object.fromEntries([...courses].map(([mark, { lastSeq }]) => [mark, lastSeq])),
    pickUps: () => pickUps,
    longestStillMs: () => longestStillMs,
    findings: () => findings,
    [Symbol.asyncDispose]: async () => {
      closing.abort();
      await loop;
    },
  };
};
