import { randomBytes } from "node:crypto";
import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isFinal, type Run } from "@ccr/protocol";
import { type ScriptedModel, startScriptedModel } from "@ccr/scripted-model";
import { createGitRepository, engineApi, testCache, waitFor } from "@ccr/testkit";
import { type DriverName, dockerEnvironment } from "../src/drivers.ts";
import { allMessages } from "../src/server.ts";
import { canonical } from "./canonical.ts";
import { type DatabaseName, startTrialDatabase, type TrialDatabase } from "./database.ts";
import { keepEvidence } from "./evidence.ts";
import type { Finding } from "./findings.ts";
import { removeControlGroups, sandboxesLeft } from "./left.ts";
import { startLife } from "./life.ts";
import { type Line, openLine } from "./line.ts";
import { openModelRecord } from "./model-record.ts";
import { describeProcesses, killAll } from "./processes.ts";
import { followProgress, type Progress } from "./progress.ts";
import { seededRandom } from "./random.ts";
import { type Script, scriptedWork, taskOf } from "./script.ts";
import { joinServers, type Servers } from "./servers.ts";
import { followSpools } from "./spools.ts";
import { type Watcher, watchLive } from "./subscribers.ts";
import { keepTroubles, type Troubles } from "./troubles.ts";
import { judge } from "./verdict.ts";

export type TrialOptions = {
  driver: DriverName;
  script: Script;
  seed: number;
  /** SQLite when left out. */
  database?: DatabaseName;
  /** How many servers there are (1); more than one need a PostgreSQL. */
  servers?: number;
  /** How many runs may go on at once. */
  runsAtOnce?: number;
  /** For the servers. */
  environment?: Record<string, string>;
  /** The variables by which the servers find an engine of its own. */
  engine?: Record<string, string>;
  /** Where the servers' data folders are made, when the disk matters. */
  folder?: string;
};

export type Launched = { mark: string; id: Run["id"]; watchers: Watcher[]; launchedAt: number };

/** A real stack with witnesses around it: whatever is done to it, each run can be judged in the end. */
export interface Trial extends AsyncDisposable {
  /** One for each server. */
  readonly dataDirs: readonly string[];
  /** null where it is SQLite. */
  readonly database: TrialDatabase | null;
  readonly model: ScriptedModel;
  /** The line between the servers and the model. */
  readonly line: Line;
  /** The folder under which repositories may be given by path. */
  readonly repositories: string;
  readonly servers: Servers;
  readonly troubles: Troubles;
  readonly progress: Progress;
  /** Creates one run of the script and everything that watches it. */
  launch(): Promise<Launched>;
  /** Waits until a run has so many messages. */
  reached(launched: Launched, messages: number): Promise<void>;
  /** Waits for the end of a run and compares all that is known of it. `faults`: how many of them it may have felt. */
  settle(launched: Launched, options: SettleOptions): Promise<{ findings: Finding[]; messages: number }>;
  /** Waits until nothing of the sandboxes is left, stops the servers, and tells what was left all the same. */
  finish(): Promise<Finding[]>;
  /** Keeps everything that was seen when it is over, with this text beside; gives where. */
  keepEvidence(report: string): string;
}

export type SettleOptions = {
  /** The run has this long from the moment at which nothing is done to it any more. */
  withinMs: number;
  undisturbed?: AbortSignal;
  faultsAt: () => readonly number[];
  expected?: readonly Run["status"][];
};

// It takes less than a second, and somewhat longer on a busy machine.
const UP_WITHIN_MS = 60_000;
// What is shown live may be a little behind what is stored.
const SHOWN_WITHIN_MS = 10_000;
const LOOK_EVERY_MS = 100;
// A server looks once a minute for sandboxes that nobody owns, and for doors of runs that another one went on with.
const REAPED_WITHIN_MS = 75_000;

/** Starts the stack and its witnesses. */
export const startTrial = async (options: TrialOptions): Promise<Trial> => {
  const { driver, script, seed, runsAtOnce = 3, environment = {}, engine } = options;
  const count = options.servers ?? 1;
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
    const database = options.database === "postgres" ? parts.use(await startTrialDatabase()) : null;
    // Their own names tell the sandboxes of these servers from all others: see `findParts`.
    const dataDirs = await inTurn(count, () => make(root));
    const witness = await make(temporary);
    const copies = await make(root);
    parts.defer(async () => {
      if (evidence === null) return;
      await keepEvidence(kept, { report: evidence, lives: servers.lives, database, witness, spools: copies });
    });
    const recordPath = join(witness, "model.ndjson");
    const model = parts.use(await startScriptedModel({ scenario: scriptedWork(script), recordPath }));
    const line = parts.use(await openLine(model.port));
    const record = parts.use(await openModelRecord(recordPath));
    const instances = dataDirs.map((dataDir) => join(dataDir, "instances"));
    const spools = parts.use(await followSpools({ instances, kept: copies }));
    const repositories = join(witness, "repositories");
    const files = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`src/file-${index}.txt`, `File ${index}.\n`]));
    const repository = parts.use(await createGitRepository({ path: join(repositories, "work"), files }));
    // A server that is stopped leaves its sandboxes to the next one, which there will not be.
    parts.defer(async () => {
      await killAll(dataDirs);
      await removeControlGroups(spools.instanceIds());
    });
    const shared = {
      // Each has its share, so that none is without a run for long while all of them are up.
      CCR_MAX_CONCURRENT_RUNS: String(Math.ceil(runsAtOnce / count)),
      ...(count === 1 ? {} : { CCR_TOKEN: randomBytes(16).toString("hex") }),
      ...(database === null ? {} : { DATABASE_URL: database.url }),
      ...environment,
    };
    const starting = dataDirs.map((dataDir) =>
      startLife(
        {
          dataDir,
          driver,
          modelUrl: line.url,
          upWithinMs: UP_WITHIN_MS,
          localRepositories: [repositories],
          environment: shared,
          ...(engine === undefined ? {} : { engine }),
        },
        () => database?.isAway() === true,
      ),
    );
    for (const life of starting) parts.defer(async () => (await life.catch(() => null))?.[Symbol.asyncDispose]());
    const servers = parts.use(joinServers(await Promise.all(starting), seededRandom(Math.imul(seed, 104_729))));
    const troubles = keepTroubles();
    const progress = parts.use(followProgress(servers, troubles));
    const watching = new AbortController();
    parts.defer(() => watching.abort());
    parts.defer(() => cancelAll(servers, dataDirs));
    let runs = 0;

    const launch = async (): Promise<Launched> => {
      const number = ++runs;
      const mark = `s${seed}r${number}`;
      // The call may be answered long after it was heard.
      const launchedAt = performance.now();
      const task = await servers.ask((client, signal) => client.tasks.create.mutate(taskOf(mark, script), { signal }));
      const input = { taskId: task.id, repository: repository.path, idempotencyKey: mark };
      const { id } = await servers.ask((client, signal) => client.runs.create.mutate(input, { signal }));
      progress.follow(mark, id);
      const watchers = [
        watchLive(servers, id, { name: "steady", home: number, hangUp: null, signal: watching.signal }),
        watchLive(servers, id, {
          name: "fickle",
          home: null,
          hangUp: seededRandom(seed * 1000 + number),
          signal: watching.signal,
        }),
      ];
      return { mark, id, watchers, launchedAt };
    };
    const reached = async ({ mark }: Launched, messages: number): Promise<void> => {
      const enough = () => (progress.positions()[mark] ?? 0) >= messages;
      await waitFor(enough, { what: `${messages} messages of ${mark}`, timeoutMs: 60_000 });
    };
    const settle = async (launched: Launched, { withinMs, undisturbed, faultsAt, expected }: SettleOptions) => {
      const { mark, id, watchers } = launched;
      await progress.untilFinal(mark, { withinMs, ...(undisturbed === undefined ? {} : { undisturbed }) });
      await shown(watchers, troubles);
      const run = await servers.ask((client, signal) => client.runs.byId.query({ id }, { signal }));
      const stored = await servers.ask((client) => allMessages(client, id, 1000));
      const patch = await servers
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
        faultsAt: faultsAt(),
        ...(expected === undefined ? {} : { expected }),
      });
      if (findings.length > 0) await writeFile(join(witness, `${mark}.json`), JSON.stringify({ run, stored, patch }, null, 1));
      for (const { instanceId } of mine) await spools.forget(instanceId);
      return { findings, messages: stored.length };
    };
    const finish = async (): Promise<Finding[]> => {
      const found = (text: string): Finding => ({ kind: "left_behind", run: null, text });
      const host = driver === "docker" ? (engine ?? (await dockerEnvironment())).DOCKER_HOST : undefined;
      const mounts = async () => {
        if (host === undefined) return [];
        const api = engineApi(host.replace("unix://", ""));
        return (await Promise.all(dataDirs.map((dataDir) => api.mountedFrom(dataDir)))).flat();
      };
      const left = async () => [
        ...(await sandboxesLeft(dataDirs, spools.instanceIds())),
        ...(await mounts()).map((source) => `container with ${source}`),
      ];
      await waitFor(async () => (await left()).length === 0, { timeoutMs: REAPED_WITHIN_MS, intervalMs: 250 }).catch(() => {});
      const sandboxes = await left();
      const listed = await servers.ask((client, signal) => client.instances.list.query(undefined, { signal }));
      const crashes = servers.lives.flatMap((life) => life.crashes());
      await servers[Symbol.asyncDispose]();
      return [
        ...progress.findings(),
        ...crashes.map((text): Finding => ({ kind: "crashed", run: null, text })),
        ...sandboxes.map(found),
        ...listed.map(({ id, status }) => found(`instance ${id} is listed as ${status}`)),
        ...(await processesLeft(dataDirs)).filter((text) => !sandboxes.includes(text)).map(found),
      ];
    };
    return {
      dataDirs,
      database,
      model,
      line,
      repositories,
      servers,
      troubles,
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

const inTurn = async <Result>(times: number, act: () => Promise<Result>): Promise<Result[]> => {
  const results: Result[] = [];
  for (let left = times; left > 0; left--) results.push(await act());
  return results;
};

/** Waits until every watcher was shown the end, or long enough: while something is cut off or stands still, nothing can be shown. */
const shown = async (watchers: readonly Watcher[], troubles: Troubles): Promise<void> => {
  let isShown = false;
  const all = Promise.all(watchers.map(({ done }) => done)).then(() => {
    isShown = true;
  });
  for (let waitedMs = 0; waitedMs < SHOWN_WITHIN_MS && !isShown; ) {
    await Promise.race([all, delay(LOOK_EVERY_MS)]);
    if (troubles.areOver()) waitedMs += LOOK_EVERY_MS;
  }
};

/** What of them runs a moment after the servers have ended. */
const processesLeft = async (dataDirs: readonly string[]): Promise<string[]> => {
  const areGone = async () => (await describeProcesses(dataDirs)).length === 0;
  await waitFor(areGone, { timeoutMs: 5_000, intervalMs: 100 }).catch(() => {});
  return describeProcesses(dataDirs);
};

/** Takes down what still goes on, when a trial ends before its runs do. */
const cancelAll = async (servers: Servers, dataDirs: readonly string[]): Promise<void> => {
  const { client } = servers.any() ?? {};
  if (client === undefined) return;
  try {
    const runs = await client.runs.list.query({ limit: 200 }, { signal: AbortSignal.timeout(5_000) });
    const going = runs.filter(({ status }) => !isFinal(status));
    await Promise.all(going.map(({ id }) => client.runs.cancel.mutate({ id }, { signal: AbortSignal.timeout(5_000) })));
    const isGone = async () => (await sandboxesLeft(dataDirs, [])).length === 0;
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
