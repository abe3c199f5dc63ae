import { mkdir, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Continuation, InstanceId, type Run, RunLimits, ServerId } from "@ccr/protocol";
import { createGitRepository, temporaryFolder } from "@ccr/testkit";
import type { StoredImage } from "../../drivers/types.ts";
import { createSetups } from "../../environments/setups.ts";
import { createMirrorUse } from "../../git/mirror-use.ts";
import { createMirrors, mirrorName } from "../../git/mirrors.ts";
import { createMirrorRetention } from "../../git/retention.ts";
import { createKeptWork } from "../../git/work.ts";
import type { Clock } from "../../runs/deps.ts";
import { openSqliteStore } from "../../store/sqlite.ts";
import { createDiskGuard } from "../disk-guard.ts";

export const NOW = new Date("2026-11-22T20:00:00.000Z");
export const DAY_MS = 24 * 3600 * 1000;
export const daysAgo = (days: number): Date => new Date(NOW.getTime() - days * DAY_MS);
export const never = (): AbortSignal => new AbortController().signal;

/** A clock that a test sets; whoever waits is told when, and goes on when the test says so. */
export const testClock = () => {
  let now = NOW.getTime();
  let elapsed = 0;
  let wake: (() => void) | null = null;
  const clock: Clock = {
    now: () => new Date(now),
    elapsedMs: () => elapsed,
    wait: (_, signal) =>
      new Promise((resolve) => {
        wake = resolve;
        signal.addEventListener("abort", () => resolve(), { once: true });
      }),
  };
  return {
    clock,
    isWaited: () => wake !== null,
    /** Lets the time pass by both clocks. */
    pass(ms: number) {
      now += ms;
      elapsed += ms;
    },
    /** Sets the wall's clock alone. */
    set(ms: number) {
      now += ms;
    },
    ring() {
      const waiting = wake;
      wake = null;
      waiting?.();
    },
  };
};

/** A real store and real folders, with runs of every age. */
export const openPlace = async () => {
  const folder = await temporaryFolder();
  const time = testClock();
  const store = await openSqliteStore({ path: folder.join("runner.db"), now: () => time.clock.now() });
  const folders = { work: folder.join("kept"), audit: folder.join("audit"), instances: folder.join("instances") };
  for (const path of [...Object.values(folders), folder.join("mirrors")]) await mkdir(path);
  const use = createMirrorUse();
  const pins = createMirrors({
    dataDir: folder.path,
    localRepositoryRoots: [],
    use,
    environment: process.env,
  });
  const work = createKeptWork({
    dataDir: folder.path,
    mirrors: pins,
    removeFolder: (path) => rm(path, { recursive: true, force: true }),
  });
  const lines: string[] = [];
  let images: StoredImage[] = [];
  const task = await store.tasks.create({ name: "T", steps: [{ instructions: "x", checks: "" }], allowNoChanges: false });

  const addRun = async (repository = "acme/slugs", continues: Continuation | null = null): Promise<Run> => {
    const { run } = await store.runs.create({
      task,
      repository,
      ref: null,
      model: null,
      limits: RunLimits.parse({}),
      priority: 0,
      delivery: null,
      continues,
      idempotencyKey: null,
    });
    return run;
  };

  const setups = createSetups({
    folder: folder.join("environments", "cache"),
    removeFolder: (path) => rm(path, { recursive: true, force: true }),
    now: () => time.clock.now(),
  });

  return {
    folder,
    folders,
    setups,
    store,
    use,
    pins,
    work,
    time,
    lines,
    addRun,
    mirrors: createMirrorRetention({ dataDir: folder.path, use, pins }),
    guard: createDiskGuard({ minFreeMb: 1, places: [{ name: "data", path: folder.path }], log: () => {} }),
    log: (level: string, text: string) => void lines.push(`${level} ${text}`),
    images: {
      list: async () => images,
      remove: async (reference: string) => {
        images = images.filter((image) => image.reference !== reference);
      },
      root: async () => folder.path,
      set: (all: StoredImage[]) => {
        images = all;
      },
    },
    /** Ends a run, as if so many days ago. */
    async end(run: Run, days: number): Promise<Run> {
      const ended = await store.runs.advance(run.id, {
        from: ["queued", "starting", "running"],
        to: "canceled",
        patch: { reason: "canceled", sentence: "It was canceled.", endedAt: daysAgo(days).toISOString() },
      });
      if (ended === null) throw new Error("it had ended");
      return ended;
    },
    /** What is kept of a run, as big as that, and its audit file. */
    async keep(run: { id: string }, kib = 8): Promise<string> {
      const path = join(folders.work, run.id);
      await mkdir(join(path, "conversations"), { recursive: true });
      await writeFile(join(path, "work.bundle"), Buffer.alloc(kib * 1024, 1));
      await writeFile(join(path, "conversations", "c.jsonl"), "{}\n");
      await writeFile(join(folders.audit, `${run.id}.ndjson`), "{}\n");
      return path;
    },
    /** A mirror that was last used so many days ago. */
    async addMirror(repository: string, days: number): Promise<string> {
      const name = mirrorName(`https://github.com/${repository}.git`);
      const path = folder.join("mirrors", name);
      await createGitRepository({ path, bare: true, files: { "a.txt": "1" } });
      await utimes(path, daysAgo(days), daysAgo(days));
      return name;
    },
    /** What a set-up left that was last used so many days ago, as big as that. */
    async addSetup(key: string, days: number, kib = 8): Promise<void> {
      const path = join(setups.folder, key);
      await mkdir(join(path, "home"), { recursive: true });
      const entry = { version: 1, environmentId: "env_0123456789", madeAt: daysAgo(days).toISOString(), bytes: kib * 1024 };
      await writeFile(join(path, "entry.json"), JSON.stringify(entry));
      await utimes(path, daysAgo(days), daysAgo(days));
    },
    /** A sandbox of a run that was not taken down yet. */
    async addInstance(run: Run): Promise<void> {
      const id = InstanceId.parse(`inst_${run.id.slice("run_".length)}`);
      const place = { machine: "m", root: folder.join("instances", id), doors: folder.join("doors", id) };
      await store.instances.create(
        { id, runId: run.id, driver: "bubblewrap", server: ServerId.parse("srv_0000000001"), place },
        0,
      );
      await mkdir(place.root);
    },
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
};

export type Place = Awaited<ReturnType<typeof openPlace>>;
