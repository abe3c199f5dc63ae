import {
  type AllowHostInput,
  CcrError,
  type CleanUpInput,
  type CreateRunInput,
  RunId,
  RunLimits,
  type RunView,
  TaskId,
} from "@ccr/protocol";
import { describe, expect, it } from "vitest";
import { noContext } from "./testing/no-context.ts";
import { serveHttp } from "./testing/serve.ts";

const RUN = RunId.parse("run_0123456789");

const view = (change: Partial<RunView> = {}): RunView => ({
  id: RUN,
  taskId: TaskId.parse("task_0123456789"),
  taskName: "T",
  taskVersion: 1,
  parameters: {},
  steps: [],
  repository: "acme/slugs",
  ref: null,
  directory: null,
  additionalRepositories: [],
  model: null,
  limits: RunLimits.parse({}),
  allowNoChanges: false,
  delivery: null,
  delivered: null,
  continues: null,
  environment: null,
  permissionMode: "bypassPermissions",
  asks: false,
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
  createdAt: "2026-11-22T20:00:00.000Z",
  startedAt: null,
  endedAt: null,
  batch: null,
  outcome: null,
  queue: { position: 2, queued: 3, heldBy: "disk" },
  ...change,
});

const serve = async () => {
  const created: CreateRunInput[] = [];
  const server = await serveHttp({
    context: {
      runs: {
        ...noContext.runs,
        create: async (input) => {
          created.push(input);
          return view();
        },
        get: async () => view(),
        list: async () => [view(), view({ status: "running", queue: null })],
        setPriority: async (id, priority) => {
          if (id !== RUN) throw new CcrError("conflict", "The run is running: only a run that is queued has a priority.");
          return view({ priority });
        },
      },
    },
  });
  return { created, ...server, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
};

const launch = { taskId: "task_0123456789", repository: "acme/slugs" };
const dataOf = ({ body }: { body: string }): unknown => JSON.parse(body).result.data;
const messageOf = ({ body }: { body: string }): unknown => JSON.parse(body).error.message;

describe("runs.create", () => {
  it("takes a priority and limits", async () => {
    await using server = await serve();
    const answer = await server.mutate("runs.create", { ...launch, priority: 7, limits: { stepSeconds: 60 } });
    expect(dataOf(answer)).toEqual({ id: RUN });
    expect(server.created).toMatchObject([{ ...launch, priority: 7, limits: { stepSeconds: 60 } }]);
  });

  it.each([
    [{ limits: { timeSecond: 60 } }, 'limits: Unrecognized key: "timeSecond"'],
    [{ limits: { timeSeconds: 60, memory: 1, cpu: 2 } }, 'limits: Unrecognized keys: "memory", "cpu"'],
    [{ limits: { timeSeconds: 1 } }, "limits.timeSeconds: must be between 10 and 604,800 seconds"],
    [{ priority: 101 }, "priority: must be at most 100"],
    [{ priority: 0.5 }, "priority: must be a whole number"],
  ])("refuses %j with a sentence", async (change, message) => {
    await using server = await serve();
    const answer = await server.mutate("runs.create", { ...launch, ...change });
    expect(answer.status).toBe(400);
    expect(messageOf(answer)).toBe(message);
    expect(server.created).toEqual([]);
  });
});

describe("a run's place in the queue", () => {
  it("is told with the run, one by one and in lists", async () => {
    await using server = await serve();
    expect(dataOf(await server.query("runs.byId", { id: RUN }))).toMatchObject({
      queue: { position: 2, queued: 3, heldBy: "disk" },
    });
    expect(dataOf(await server.query("runs.list"))).toMatchObject([{ queue: { position: 2 } }, { queue: null }]);
  });

  it("is changed by its priority, as long as it is queued", async () => {
    await using server = await serve();
    expect(dataOf(await server.mutate("runs.setPriority", { id: RUN, priority: -100 }))).toMatchObject({ priority: -100 });
    const refused = await server.mutate("runs.setPriority", { id: "run_9876543210", priority: 1 });
    expect(refused.status).toBe(409);
    expect(messageOf(refused)).toContain("only a run that is queued");
    expect((await server.mutate("runs.setPriority", { id: RUN, priority: 1000 })).status).toBe(400);
    expect((await server.mutate("runs.setPriority", { id: "nothing", priority: 1 })).status).toBe(404);
  });
});

describe("runs.allowHost", () => {
  const serveNetwork = async () => {
    const asked: AllowHostInput[] = [];
    const allowHost = async (input: AllowHostInput) => {
      asked.push(input);
      return view({ status: "running", queue: null, allowedHosts: [{ host: input.host, ports: [input.port] }] });
    };
    const server = await serveHttp({ context: { network: { allowHost } } });
    return { asked, ...server, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  };

  it("takes a host as every policy does, and port 443 when none is said", async () => {
    await using server = await serveNetwork();
    const answer = await server.mutate("runs.allowHost", { id: RUN, host: "Registry.Example.ORG" });
    expect(dataOf(answer)).toMatchObject({ id: RUN, allowedHosts: [{ host: "registry.example.org", ports: [443] }] });
    await server.mutate("runs.allowHost", { id: RUN, host: "*.example.org", port: 80 });
    expect(server.asked).toEqual([
      { id: RUN, host: "registry.example.org", port: 443 },
      { id: RUN, host: "*.example.org", port: 80 },
    ]);
  });

  it.each([
    [{ host: "169.254.169.254" }, /^host: 169\.254\.169\.254 is an address: only names of hosts can be allowed/],
    [{ host: "localhost" }, /^host: localhost is a name of a private network or of the machine itself/],
    [{ host: "api.anthropic.com" }, /^host: api\.anthropic\.com is reached through the model route alone/],
    [{ host: "a b" }, /^host: is not a host name/],
    [{ host: "example.org", port: 0 }, /^port: /],
    [{}, /^host: /],
  ])("refuses %j with a sentence", async (change, message) => {
    await using server = await serveNetwork();
    const answer = await server.mutate("runs.allowHost", { id: RUN, ...change });
    expect(answer.status).toBe(400);
    expect(messageOf(answer)).toMatch(message);
    expect(server.asked).toEqual([]);
  });
});

describe("server.cleanUp", () => {
  const serveUpkeep = async () => {
    const asked: CleanUpInput[] = [];
    const server = await serveHttp({
      context: {
        upkeep: {
          ...noContext.upkeep,
          cleanUp: async (input) => {
            asked.push(input);
            return { removed: [{ kind: "work", count: 2, bytes: 100 }], problems: [] };
          },
        },
      },
    });
    return { asked, ...server, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  };

  it("removes what is named, and tells what that freed", async () => {
    await using server = await serveUpkeep();
    const what = [
      { kind: "work", olderThanDays: 3 },
      { kind: "images", keep: 1 },
    ];
    expect(dataOf(await server.mutate("server.cleanUp", { what }))).toEqual({
      removed: [{ kind: "work", count: 2, bytes: 100 }],
      problems: [],
    });
    expect(server.asked).toEqual([{ what }]);
  });

  it.each([
    [{}],
    [{ what: [] }],
    [{ what: [{ kind: "work" }] }],
    [{ what: [{ kind: "work", olderThanDays: -1 }] }],
    [{ what: [{ kind: "runs", olderThanDays: "0" }] }],
    [{ what: [{ kind: "everything", olderThanDays: 0 }] }],
    [{ what: [{ kind: "images", keep: 0 }] }],
    [{ what: [{ kind: "mirrors", olderThanDays: 1, force: true }] }],
  ])("does nothing for %j", async (input) => {
    await using server = await serveUpkeep();
    expect((await server.mutate("server.cleanUp", input)).status).toBe(400);
    expect(server.asked).toEqual([]);
  });
});
