import { EventEmitter, once } from "node:events";
import { noContext } from "@ccr/backend/no-context";
import type { AppRouter } from "@ccr/backend/router";
import {
  type AuditRecord,
  CcrError,
  type CleanUpInput,
  type CreateRunInput,
  type CreateTaskInput,
  contentOf,
  type DeliverySettings,
  type DiskReport,
  directoriesFor,
  type Instance,
  InstanceId,
  isFinal,
  type Message,
  NO_DEFAULTS,
  OVERVIEW_RUNS,
  outcomeOf,
  type Run,
  RunId,
  RunLimits,
  type RunView,
  type ServerInfo,
  type StartRunInput,
  type Task,
  TaskId,
  type TaskVersion,
  type WorkspaceDiff,
} from "@ccr/protocol";
import type { inferRouterContext } from "@trpc/server";
import { createMemoryBatches, type MemoryBatches } from "./memory-batches.ts";
import { type MemoryEnvironments, memoryEnvironments } from "./memory-environments.ts";
import { memoryInstances } from "./memory-instances.ts";
import { memoryLists } from "./memory-lists.ts";
import { type MemoryNetwork, memoryNetwork } from "./memory-network.ts";
import { type MemoryOverview, memoryOverview } from "./memory-overview.ts";
import { memoryResults } from "./memory-results.ts";
import { memoryTalk } from "./memory-talk.ts";
import type { Said } from "./said.ts";

type Context = inferRouterContext<AppRouter>;
type NewTask = Pick<CreateTaskInput, "name" | "steps"> & Partial<CreateTaskInput>;

/** The rooms behind the API, in memory, with what a test needs to move them. */
export interface MemoryBackend {
  readonly context: Context;
  info: ServerInfo;
  disk: DiskReport;
  readonly tasks: Task[];
  readonly runs: Run[];
  readonly instances: Instance[];
  readonly batches: MemoryBatches;
  readonly environments: MemoryEnvironments;
  readonly network: MemoryNetwork;
  readonly overview: MemoryOverview;
  addTask(input: NewTask): Task;
  addRun(task: Task, patch?: Partial<Run>): Run;
  patchRun(id: RunId, patch: Partial<Run>): void;
  /** Appends messages, as the store does, and wakes those who follow. */
  say(id: RunId, messages: readonly Said[]): void;
  setDiff(id: RunId, diff: WorkspaceDiff): void;
  addRequests(id: RunId, records: readonly AuditRecord[]): void;
  messagesOf(id: RunId): readonly Message[];
  /** What the API was asked to launch and cancel. */
  readonly launched: CreateRunInput[];
  readonly canceled: RunId[];
  /** Runs that were started from a few words. */
  readonly started: StartRunInput[];
  /** Where results were to be pushed. */
  readonly pushed: DeliverySettings[];
  /** What was to be removed from the disk. */
  readonly cleanUps: CleanUpInput[];
}

export const START = Date.parse("2026-11-22T20:00:00.000Z");

const NOTHING = { count: 0, bytes: 0, items: [] };
const EMPTY_DISK: DiskReport = {
  at: new Date(START).toISOString(),
  places: [{ name: "data", freeBytes: 50 * 1024 ** 3, totalBytes: 100 * 1024 ** 3 }],
  minFreeBytes: 1024 ** 3,
  lack: null,
  database: { bytes: 64 * 1024 },
  mirrors: NOTHING,
  work: NOTHING,
  workspaces: NOTHING,
  audit: NOTHING,
  setups: NOTHING,
  images: null,
  rules: { runsDays: null, workDays: 30, mirrorsDays: 30, setupsDays: 14, setupsMb: 20480, images: 2 },
  next: { at: null, due: { runs: 0, work: 0, mirrors: 0, setups: 0, images: 0 } },
};

export const createMemoryBackend = (now = START): MemoryBackend => {
  let counter = 0;
  const number = (): string => {
    counter += 1;
    return String(counter).padStart(12, "0");
  };
  const tasks: Task[] = [];
  const runs: Run[] = [];
  const instances: Instance[] = [];
  const messages = new Map<RunId, Message[]>();
  const diffs = new Map<RunId, WorkspaceDiff>();
  const requests = new Map<RunId, AuditRecord[]>();
  const said = new EventEmitter().setMaxListeners(0);
  const launched: CreateRunInput[] = [];
  const canceled: RunId[] = [];
  const pushed: DeliverySettings[] = [];
  const cleanUps: CleanUpInput[] = [];
  const started: StartRunInput[] = [];
  const dismissed = new Set<RunId>();
  const versions: (TaskVersion & { id: TaskId })[] = [];
  const at = (): string => new Date(now + counter * 1000).toISOString();

  const environments = memoryEnvironments({ number, at });

  const getRun = (id: RunId): Run => {
    const run = runs.find((known) => known.id === id);
    if (run === undefined) throw new CcrError("not_found", `There is no run ${id}.`);
    return run;
  };
  const overview = memoryOverview(now);
  /** As the API tells a run: here every queued one is to start next, as long as there is money. */
  const viewOf = (run: Run): RunView => {
    const isQueued = run.status === "queued";
    const queued = runs.filter(({ status }) => status === "queued").length;
    return { ...run, queue: isQueued ? { position: 1, queued, ...overview.held() } : null, outcome: outcomeOf(run) };
  };
  const messagesOf = (id: RunId): Message[] => messages.get(id) ?? [];

  const batches = createMemoryBatches({
    ...{ tasks, runs, number, at },
    addRun: (task, patch) => backend.addRun(task, patch),
    patchRun: (id, patch) => backend.patchRun(id, patch),
  });
  const network = memoryNetwork({ get: getRun, patch: (id, patch) => backend.patchRun(id, patch), viewOf });
  const backend: MemoryBackend = {
    batches,
    network,
    overview,
    tasks,
    runs,
    instances,
    environments,
    launched,
    canceled,
    started,
    pushed,
    cleanUps,
    messagesOf,
    info: {
      version: "0.1.0",
      build: "first",
      demo: false,
      demoRepository: null,
      driver: { name: "bubblewrap", sentence: "bubblewrap, because no Docker Engine answers." },
      localRepositoryRoots: ["/srv/repositories"],
      maxConcurrentRuns: 2,
    },
    disk: EMPTY_DISK,
    addTask({ name, steps, allowNoChanges = false, delivery = null, environmentId = null, ...more }) {
      const id = TaskId.parse(`task_${number()}`);
      const { parameters = [], defaults = NO_DEFAULTS } = more;
      const content = { name, steps, allowNoChanges, delivery, environmentId, parameters, defaults };
      const task: Task = { id, ...content, version: 1, createdAt: at(), updatedAt: at() };
      tasks.unshift(task);
      return task;
    },
    addRun(task, patch = {}) {
      const run: Run = {
        id: RunId.parse(`run_${number()}`),
        taskId: task.id,
        taskName: task.name,
        taskVersion: task.version,
        steps: task.steps,
        parameters: {},
        repository: "acme/slugs",
        ref: null,
        directory: null,
        additionalRepositories: [],
        model: null,
        limits: RunLimits.parse({}),
        allowNoChanges: task.allowNoChanges,
        delivery: task.delivery,
        delivered: null,
        continues: null,
        environment: null,
        permissionMode: "bypassPermissions",
        asks: true,
        allowedHosts: [],
        network: "none",
        networkBy: null,
        questions: [],
        priority: 0,
        status: "queued",
        reason: null,
        sentence: null,
        stepIndex: null,
        instanceId: null,
        driver: null,
        baseCommit: null,
        headCommit: null,
        usage: { costUsd: 0, inputTokens: 0, outputTokens: 0, turns: 0 },
        lastSeq: 0,
        createdAt: at(),
        startedAt: null,
        endedAt: null,
        batch: null,
        ...patch,
      };
      runs.unshift(run);
      return run;
    },
    patchRun(id, patch) {
      runs.splice(runs.indexOf(getRun(id)), 1, { ...getRun(id), ...patch });
    },
    say(id, parts) {
      const list = messagesOf(id);
      messages.set(id, list);
      let time = Date.parse(list.at(-1)?.at ?? getRun(id).createdAt);
      for (const { afterMs, ...part } of parts) {
        time += afterMs;
        list.push({ runId: id, seq: list.length + 1, at: new Date(time).toISOString(), ...part });
      }
      backend.patchRun(id, { lastSeq: list.length });
      said.emit(id);
    },
    setDiff: (id, diff) => void diffs.set(id, diff),
    addRequests: (id, records) => void requests.set(id, [...(requests.get(id) ?? []), ...records]),
    context: {
      batches: batches.context,
      shells: noContext.shells,
      files: noContext.files,
      tasks: {
        create: async (input) => backend.addTask(input),
        find: async (id) => tasks.find((task) => task.id === id) ?? null,
        list: async () => tasks,
        overview: async () =>
          tasks.map((task) => ({
            task,
            lastRuns: runs
              .filter(({ taskId }) => taskId === task.id)
              .slice(0, OVERVIEW_RUNS)
              .map((run) => ({ ...run, isDelivered: false, costUsd: run.usage.costUsd })),
          })),
        async listVersions(id) {
          const task = tasks.find((known) => known.id === id);
          if (task === undefined) return null;
          const now = { version: task.version, savedAt: task.updatedAt, content: contentOf(task) };
          return [now, ...versions.filter((each) => each.id === id)];
        },
        findVersion: async (id, version) =>
          (await backend.context.tasks.listVersions(id))?.find((each) => each.version === version) ?? null,
        async update({ id, expectedVersion, ...change }) {
          const index = tasks.findIndex((task) => task.id === id);
          const old = tasks[index];
          if (old === undefined) return null;
          if (expectedVersion !== undefined && expectedVersion !== old.version)
            throw new CcrError("conflict", "The task was saved by somebody else meanwhile.");
          counter += 1;
          versions.unshift({ id, version: old.version, savedAt: old.updatedAt, content: contentOf(old) });
          const { name = old.name, steps = old.steps, allowNoChanges = old.allowNoChanges, delivery = old.delivery } = change;
          const { environmentId = old.environmentId, parameters = old.parameters, defaults = old.defaults } = change;
          const content = { name, steps, allowNoChanges, delivery, environmentId, parameters, defaults };
          const next: Task = { ...old, ...content, version: old.version + 1, updatedAt: at() };
          tasks.splice(index, 1, next);
          return next;
        },
        async delete(id) {
          const index = tasks.findIndex((task) => task.id === id);
          if (index !== -1) tasks.splice(index, 1);
          return index !== -1;
        },
      },
      runs: {
        async create(input) {
          const task = tasks.find(({ id }) => id === input.taskId);
          if (task === undefined) throw new CcrError("not_found", `There is no task ${input.taskId}.`);
          const repository = input.repository ?? task.defaults.repository ?? "";
          if (repository.startsWith("file:"))
            throw new CcrError("bad_request", "repository: 'file:' addresses are not taken; give an https URL.");
          const { additionalRepositories: others = [] } = input;
          // As a server of another version may, which knows more than the page.
          const bad = others.findIndex(({ repository }) => repository === "acme/refused");
          if (bad !== -1)
            throw new CcrError("bad_request", `additionalRepositories.${bad}.repository: this repository is not taken.`);
          launched.push(input);
          const delivery = input.delivery === undefined ? task.delivery : input.delivery;
          const placed = directoriesFor([{ ...input, repository }, ...others]);
          const [directory = null, ...directories] = placed.ok && others.length > 0 ? placed.directories : [];
          const nothing = { baseCommit: null, headCommit: null, delivered: null };
          return backend.addRun(task, {
            ...{ repository, ref: input.ref ?? null, delivery, directory },
            ...(input.network === undefined ? {} : { network: input.network, networkBy: "launch" }),
            additionalRepositories: others.map(({ repository, ref = null }, index) => ({
              ...{ repository, ref, directory: directories[index] ?? "", ...nothing },
            })),
          });
        },
        get: async (id) => viewOf(getRun(id)),
        async list({ status, taskId, batchId, before, limit }) {
          const from = before === undefined ? 0 : runs.findIndex(({ id }) => id === before) + 1;
          const fits = (run: Run): boolean =>
            (status === undefined || status.includes(run.status)) &&
            (taskId === undefined || run.taskId === taskId) &&
            (batchId === undefined || run.batch?.id === batchId);
          return runs.slice(from).filter(fits).slice(0, limit).map(viewOf);
        },
        async setPriority(id, priority) {
          if (getRun(id).status !== "queued") throw new CcrError("conflict", "Only a queued run has a priority.");
          backend.patchRun(id, { priority });
          return viewOf(getRun(id));
        },
        async cancel(id) {
          canceled.push(id);
          if (!isFinal(getRun(id).status)) backend.patchRun(id, { status: "canceling" });
          return getRun(id);
        },
        async messages(id, { after, limit }) {
          getRun(id);
          return messagesOf(id)
            .filter(({ seq }) => seq > after)
            .slice(0, limit);
        },
        async *follow(id, { after }, signal) {
          let seq = after;
          for (;;) {
            for (const message of messagesOf(id).slice(seq)) {
              seq = message.seq;
              yield message;
            }
            if (isFinal(getRun(id).status) && seq === messagesOf(id).length) return;
            if (signal.aborted) return;
            // The abort is an end and not a failure.
            await once(said, id, { signal }).catch(() => {});
          }
        },
        async diff(id) {
          getRun(id);
          return diffs.get(id) ?? { baseCommit: "1f3c9ab", headCommit: "1f3c9ab", files: [], patch: "", truncated: false };
        },
        async requests(id, { after, limit, refusedOnly }) {
          return (requests.get(id) ?? [])
            .filter(({ n, decision }) => n > after && (!refusedOnly || decision === "refused"))
            .slice(0, limit);
        },
      },
      talk: memoryTalk(getRun, (input) => backend.context.results.followUp(input)),
      network: network.context,
      results: memoryResults({ getRun, viewOf, pushed, patchRun: (id, patch) => backend.patchRun(id, patch) }),
      ...memoryLists({
        ...{ tasks, runs, dismissed, started, viewOf, today: overview.today },
        addTask: (input) => backend.addTask(input),
        addRun: (task, patch) => backend.addRun(task, patch),
        cancel: (id) => backend.context.runs.cancel(id),
      }),
      environments: environments.rooms,
      upkeep: {
        disk: async () => backend.disk,
        async cleanUp(input) {
          cleanUps.push(input);
          return { removed: input.what.map(({ kind }) => ({ kind, count: 1, bytes: 1024 ** 2 })), problems: [] };
        },
      },
      server: {
        info: async () => backend.info,
        about: () => ({
          startedAt: new Date(START).toISOString(),
          node: "v24.21.0",
          system: "Linux 6.1.0 x64",
          database: "sqlite",
          maxRunsPerRepository: null,
          maxRunsPerTask: null,
          modelHost: "api.anthropic.com",
        }),
      },
      credentials: {
        list: () => [],
        test: async () => ({ works: true, sentence: "It is taken." }),
      },
      overview: overview.context,
      instances: memoryInstances({ instances, runs, at }),
    },
  };
  return backend;
};

export const newInstance = (runId: RunId, status: Instance["status"], name: string): Instance => ({
  id: InstanceId.parse(`inst_${name.padStart(12, "0")}`),
  runId,
  driver: "bubblewrap",
  status,
  createdAt: new Date(START).toISOString(),
  stoppedAt: null,
});
