import { cp, mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isFinal, type Run } from "@ccr/protocol";
import { type ScriptedModel, startScriptedModel } from "@ccr/scripted-model";
import { createGitRepository, engineApi, testCache, waitFor } from "@ccr/testkit";
import { type DriverName, dockerEnvironment } from "../src/drivers.ts";
import { allMessages } from "../src/server.ts";
import { canonical } from "./canonical.ts";
import type { Finding } from "./findings.ts";
import { removeControlGroups, sandboxesLeft } from "./left.ts";
import { type ServerLife, startLife } from "./life.ts";
import { type Line, openLine } from "./line.ts";
import { openModelRecord } from "./model-record.ts";
import { describeProcesses, killAll } from "./processes.ts";
import { followProgress, type Progress } from "./progress.ts";
import { type Random, seededRandom } from "./random.ts";
import { type Script, scriptedWork, taskOf } from "./script.ts";
import { followSpools } from "./spools.ts";
import { type Watcher, watchLive } from "./subscribers.ts";
import { judge } from "./verdict.ts";

export type TrialOptions = {
  driver: DriverName;
  script: Script;
  seed: number;
  /** How many runs may go on at once. */
  runsAtOnce?: number;
  /** For the server. */
  environment?: Record<string, string>;
  /** The variables by which the server finds an engine of its own. */
  engine?: Record<string, string>;
  /** Where the server's data folder is made, when the disk matters. */
  folder?: string;
};

export type Launched = { mark: string; id: Run["id"]; watchers: Watcher[]; launchedAt: number };

/** A real stack with witnesses around it: whatever is done to it, each run can be judged in the end. */
export interface Trial extends AsyncDisposable {
  readonly dataDir: string;
  readonly model: ScriptedModel;
  /** The line between the server and the model. */
  readonly line: Line;
  /** The folder under which repositories may be given by path. */
  readonly repositories: string;
  readonly life: ServerLife;
  readonly progress: Progress;
  /** Creates one run of the script and everything that watches it. */
  launch(): Promise<Launched>;
  /** Waits until a run has so many messages. */
  reached(launched: Launched, messages: number): Promise<void>;
  /** Waits for the end of a run and compares all that is known of it. `faults`: how many of them it may have felt. */
  settle(launched: Launched, options: SettleOptions): Promise<{ findings: Finding[]; messages: number }>;
  /** Waits until nothing of the sandboxes is left, stops the server, and tells what was left all the same. */
  finish(): Promise<Finding[]>;
  /** Keeps everything that was seen when it is over, with this text beside; gives where. */
  keepEvidence(report: string): string;
}

export type SettleOptions = {
  /** The run has this long from the moment at which nothing is done to it any more. */
  withinMs: number;
  undisturbed?: AbortSignal;
  faults: () => number;
  expected?: readonly Run["status"][];
};

// It takes less than a second, and somewhat longer on a busy machine.
const UP_WITHIN_MS = 60_000;
// What is shown live may be a little behind what is stored.
const SHOWN_WITHIN_MS = 10_000;
// The server looks once a minute for sandboxes that nobody owns.
const REAPED_WITHIN_MS = 75_000;
const WATCHERS = ["steady", "fickle"] as const;

/** Starts the stack and its witnesses. */
export const startTrial = async (options: TrialOptions): Promise<Trial> => {
  const { driver, script, seed, runsAtOnce = 3, environment = {}, engine } = options;
  const parts = new AsyncDisposableStack();
  const kept = join(testCache(), "faults", `${new Date().toISOString().replace(/[:.]/g, "-")}-seed-${seed}`);
  let evidence: string | null = null;
  try {
    const temporary = await realpath(tmpdir());
    const root = options.folder ?? temporary;
    const make = async (below: string): Promise<string> => {
      const folder = await mkdtemp(join(below, `ccr-${process.pid}-`));
      parts.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }));
      return folder;
    };
    // Its own name tells the sandboxes of this server from all others: see `findParts`.
    const dataDir = await make(root);
    const witness = await make(temporary);
    const copies = await make(root);
    parts.defer(async () => {
      if (evidence === null) return;
      await mkdir(kept, { recursive: true });
      await writeFile(join(kept, "report.txt"), evidence);
      await writeFile(join(kept, "server.log"), life.printed());
      await cp(witness, join(kept, "witness"), { recursive: true });
      await cp(copies, join(kept, "spools"), { recursive: true });
      // Sockets cannot be copied, and mirrors and workspaces tell nothing that the rest does not.
      const filter = (path: string) => !/\/(doors|mirrors|sandboxes|home|workspace)(\/|$)/.test(path.slice(dataDir.length));
      await cp(dataDir, join(kept, "data"), { recursive: true, filter });
    });
    const recordPath = join(witness, "model.ndjson");
    const model = parts.use(await startScriptedModel({ scenario: scriptedWork(script), recordPath }));
    const line = parts.use(await openLine(model.port));
    const record = parts.use(await openModelRecord(recordPath));
    const spools = parts.use(await followSpools({ instances: join(dataDir, "instances"), kept: copies }));
    const repositories = join(witness, "repositories");
    const files = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`src/file-${index}.txt`, `File ${index}.\n`]));
    const repository = parts.use(await createGitRepository({ path: join(repositories, "work"), files }));
    // A server that is stopped leaves its sandboxes to the next one, which there will not be.
    parts.defer(async () => {
      await killAll(dataDir);
      removeControlGroups(spools.instanceIds());
    });
    const life = parts.use(
      await startLife({
        dataDir,
        driver,
        modelUrl: line.url,
        upWithinMs: UP_WITHIN_MS,
        localRepositories: [repositories],
        environment: { CCR_MAX_CONCURRENT_RUNS: String(runsAtOnce), ...environment },
        ...(engine === undefined ? {} : { engine }),
      }),
    );
    const progress = parts.use(followProgress(life));
    const watching = new AbortController();
    parts.defer(() => watching.abort());
    parts.defer(() => cancelAll(life, dataDir));
    let count = 0;

    const launch = async (): Promise<Launched> => {
      const mark = `s${seed}r${++count}`;
      const task = await life.ask((client, signal) => client.tasks.create.mutate(taskOf(mark, script), { signal }));
      const input = { taskId: task.id, repository: repository.path, idempotencyKey: mark };
      const { id } = await life.ask((client, signal) => client.runs.create.mutate(input, { signal }));
      progress.follow(mark, id);
      const watchers = WATCHERS.map((name) => {
        const hangUp: Random | null = name === "fickle" ? seededRandom(seed * 1000 + count) : null;
        return watchLive(life, id, { name, hangUp, signal: watching.signal });
      });
      return { mark, id, watchers, launchedAt: performance.now() };
    };
    const reached = async ({ mark }: Launched, messages: number): Promise<void> => {
      const enough = () => (progress.positions()[mark] ?? 0) >= messages;
      await waitFor(enough, { what: `${messages} messages of ${mark}`, timeoutMs: 60_000 });
    };
    const settle = async (launched: Launched, { withinMs, undisturbed, faults, expected }: SettleOptions) => {
      const { mark, id, watchers } = launched;
      await progress.untilFinal(mark, { withinMs, ...(undisturbed === undefined ? {} : { undisturbed }) });
      await shown(watchers);
      const run = await life.ask((client, signal) => client.runs.byId.query({ id }, { signal }));
      const stored = await life.ask((client) => allMessages(client, id, 1000));
      const patch = await life
        .ask((client, signal) => client.runs.diff.query({ id }, { signal }).catch(notFoundIsEmpty))
        .then((diff) => diff?.patch ?? "");
      const mine = (await spools.seen()).filter(({ events }) => events.some((event) => tells(event, id, mark)));
      const findings = judge({
        mark,
        calls: script.calls,
        run,
        stored,
        spools: mine,
        resultsGiven: await record.resultsGiven(mark),
        patch,
        watchers,
        faults: faults(),
        ...(expected === undefined ? {} : { expected }),
      });
      if (findings.length > 0) await writeFile(join(witness, `${mark}.json`), JSON.stringify({ run, stored, patch }, null, 1));
      for (const { instanceId } of mine) await spools.forget(instanceId);
      return { findings, messages: stored.length };
    };
    const finish = async (): Promise<Finding[]> => {
      const found = (text: string): Finding => ({ kind: "left_behind", run: null, text });
      const host = driver === "docker" ? (engine ?? (await dockerEnvironment())).DOCKER_HOST : undefined;
      const mounts = () => (host === undefined ? [] : engineApi(host.replace("unix://", "")).mountedFrom(dataDir));
      const left = async () => [
        ...(await sandboxesLeft(dataDir, spools.instanceIds())),
        ...(await mounts()).map((source) => `container with ${source}`),
      ];
      await waitFor(async () => (await left()).length === 0, { timeoutMs: REAPED_WITHIN_MS, intervalMs: 250 }).catch(() => {});
      const sandboxes = await left();
      const instances = await life.ask((client, signal) => client.instances.list.query(undefined, { signal }));
      const crashes = life.crashes().map((text): Finding => ({ kind: "crashed", run: null, text }));
      await life[Symbol.asyncDispose]();
      return [
        ...progress.findings(),
        ...crashes,
        ...sandboxes.map(found),
        ...instances.map(({ id, status }) => found(`instance ${id} is listed as ${status}`)),
        ...(await processesLeft(dataDir)).filter((line) => !sandboxes.includes(line)).map(found),
      ];
    };
    return {
      dataDir,
      model,
      line,
      repositories,
      life,
      progress,
      launch,
      reached,
      settle,
      finish,
      keepEvidence: (report) => {
        evidence = report;
        return kept;
      },
      [Symbol.asyncDispose]: () => parts.disposeAsync(),
    };
  } catch (error) {
    await parts.disposeAsync();
    throw error;
  }
};

/** Waits until every watcher was shown the end, or long enough. */
const shown = async (watchers: readonly Watcher[]): Promise<void> => {
  const enough = new AbortController();
  const all = Promise.all(watchers.map(({ done }) => done)).finally(() => enough.abort());
  await Promise.race([all, delay(SHOWN_WITHIN_MS, undefined, { signal: enough.signal }).catch(() => {})]);
};

/** What of it runs a moment after the server has ended. */
const processesLeft = async (dataDir: string): Promise<string[]> => {
  const areGone = async () => (await describeProcesses(dataDir)).length === 0;
  await waitFor(areGone, { timeoutMs: 5_000, intervalMs: 100 }).catch(() => {});
  return describeProcesses(dataDir);
};

/** Takes down what still goes on, when a trial ends before its runs do. */
const cancelAll = async (life: ServerLife, dataDir: string): Promise<void> => {
  const { client } = life.server() ?? {};
  if (client === undefined) return;
  try {
    const runs = await client.runs.list.query({ limit: 200 }, { signal: AbortSignal.timeout(5_000) });
    const going = runs.filter(({ status }) => !isFinal(status));
    await Promise.all(going.map(({ id }) => client.runs.cancel.mutate({ id }, { signal: AbortSignal.timeout(5_000) })));
    const isGone = async () => (await sandboxesLeft(dataDir, [])).length === 0;
    if (going.length > 0) await waitFor(isGone, { timeoutMs: 20_000, intervalMs: 100 });
  } catch {
    // It may be broken in any way by what was done to it: what stays is killed.
  }
};

/** Whether an event is one by which a spool shows whose it is. */
const tells = ({ body }: { body: unknown }, id: string, mark: string): boolean => {
  const text = canonical(body);
  return text.includes(id) || text.includes(`FAULTS ${mark} STEP`);
};

const notFoundIsEmpty = (error: unknown): null => {
  if (error instanceof Error && /not.found|no (diff|changes)/i.test(error.message)) return null;
  throw error;
};
