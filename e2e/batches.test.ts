import { cp } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import type { BatchId, BatchRow, BatchView, Run } from "@ccr/protocol";
import { createGitRepository, startPostgres, waitFor } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { allMessages, type Client, type Server, startServer } from "./src/server.ts";
import { type Stack, startStack } from "./src/stack.ts";

/** The agent does what the repository says, so that one task comes out differently in each. */
const scenario = {
  name: "as the repository says",
  rules: [
    {
      match: { model: "slow" },
      turns: [{ blocks: [{ type: "tool_use", name: "Bash", input: { command: "sleep 600", description: "Work" } }] }],
    },
    {
      turns: [
        { blocks: [{ type: "tool_use", name: "Bash", input: { command: "sh work.sh", description: "Work" } }] },
        { blocks: [{ type: "text", text: "Done." }] },
      ],
    },
  ],
};
const task = { name: "Do it everywhere", steps: [{ instructions: "Do it.", checks: "$ test -e done.txt" }] };

const KINDS = {
  passes: { "work.sh": "echo done > done.txt\n" },
  fails: { "work.sh": "echo wrong > wrong.txt\n" },
  idles: { "work.sh": "true\n", "done.txt": "done\n" },
  lasts: { "work.sh": "sleep 2; echo done > done.txt\n" },
} as const;

/** So many repositories of a kind, of which the first is made and the others are copies. */
const makeRepositories = async ({ repositories }: Stack, kind: keyof typeof KINDS, count: number): Promise<string[]> => {
  const paths = Array.from({ length: count }, (_, index) => join(repositories, `${kind}-${index + 1}`));
  const [first = "", ...others] = paths;
  await createGitRepository({ path: first, files: KINDS[kind] });
  for (const path of others) await cp(first, path, { recursive: true });
  return paths;
};

const kindOf = (repository: string): string => /([a-z]+)-\d+$/.exec(repository)?.[1] ?? "";
const asRepositories = (paths: readonly string[]) => paths.map((repository) => ({ repository }));
const rowsOf = (client: Client, id: BatchId): Promise<BatchRow[]> => client.batches.runs.query({ id, limit: 1000 });

const untilEnded = (client: Client, id: BatchId, timeoutMs = 120_000): Promise<BatchView> =>
  waitFor(
    async () => {
      const batch = await client.batches.byId.query({ id });
      return batch.endedAt !== null && batch;
    },
    { what: `the end of ${id}`, timeoutMs, intervalMs: 100 },
  );

/** Looks into the database all the time, whatever becomes of the server, and keeps the most runs that it saw going on at once. */
const watchGoing = (dataDir: string) => {
  const database = new DatabaseSync(join(dataDir, "runner.db"), { readOnly: true });
  const count = database.prepare(
    "select count(*) as going from runs where status in ('starting', 'running', 'waiting', 'canceling')",
  );
  const stop = new AbortController();
  let most = 0;
  let looks = 0;
  const watching = (async () => {
    while (!stop.signal.aborted) {
      most = Math.max(most, Number(count.get()?.going ?? 0));
      looks++;
      await delay(20, undefined, { signal: stop.signal }).catch(() => {});
    }
  })();
  return {
    seen: () => ({ most, looks }),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await watching;
      database.close();
    },
  };
};

describe("a batch of 50 repositories", () => {
  it("ends with exactly the right table, though the server is killed twice on the way", async () => {
    await using stack = await startStack({ driver: "bubblewrap", scenario, environment: { CCR_MAX_CONCURRENT_RUNS: "8" } });
    await using servers = new AsyncDisposableStack();
    const paths = [
      ...(await makeRepositories(stack, "passes", 30)),
      ...(await makeRepositories(stack, "fails", 10)),
      ...(await makeRepositories(stack, "idles", 5)),
      ...Array.from({ length: 5 }, (_, index) => join(stack.repositories, `missing-${index + 1}`)),
    ];
    // Of all kinds at all times: the kills meet each of them.
    const mixed = paths.toSorted((one, other) => Number(/\d+$/.exec(one)?.[0]) - Number(/\d+$/.exec(other)?.[0]));
    let { server }: { server: Server } = stack;
    const { id: taskId } = await server.client.tasks.create.mutate(task);
    const { id } = await server.client.batches.create.mutate({
      ...{ taskId, repositories: asRepositories(mixed), limits: { maxAttempts: 1 }, maxConcurrent: 4, idempotencyKey: "all" },
    });
    await using watch = watchGoing(stack.folder.join("data"));

    for (const done of [12, 32]) {
      await waitFor(async () => (await server.client.batches.byId.query({ id })).progress.done >= done, {
        ...{ what: `${done} runs to end`, timeoutMs: 120_000, intervalMs: 50 },
      });
      server.process.kill("SIGKILL");
      await server.stop();
      server = servers.use(await stack.restart());
    }
    const batch = await untilEnded(server.client, id);

    const expected: Record<string, unknown> = {
      passes: ["passed", { passed: 1, total: 1 }, 1, { files: 1, additions: 1, deletions: 0 }],
      fails: ["checks_failed", { passed: 0, total: 1 }, 1, { files: 1, additions: 1, deletions: 0 }],
      idles: ["gave_up", { passed: 1, total: 1 }, 1, { files: 0, additions: 0, deletions: 0 }],
      missing: ["clone_failed", { passed: 0, total: 1 }, 0, null],
    };
    const rows = await rowsOf(server.client, id);
    expect(rows.map(({ repository, place, group, tries, mark }) => [repository, place, group, tries, mark])).toEqual(
      mixed.map((path, index) => [path, index + 1, index + 1, 1, null]),
    );
    for (const { repository, outcome, checks, attemptsUsed, diff, costUsd } of rows) {
      expect([outcome?.name, checks, attemptsUsed, diff], repository).toEqual(expected[kindOf(repository)]);
      expect(costUsd > 0, repository).toBe(kindOf(repository) !== "missing");
    }
    expect(batch).toMatchObject({
      state: "running",
      progress: { done: 50, total: 50 },
      counts: { outcomes: { passed: 30, checks_failed: 10, gave_up: 5, clone_failed: 5 }, retriable: 20 },
      summary: "30 of 50 passed, 10 failed their checks, 5 gave up, 5 could not be cloned.",
    });
    expect(batch.costUsd).toBeCloseTo(rows.reduce((sum, { costUsd }) => sum + costUsd, 0));

    const { most, looks } = watch.seen();
    expect(looks).toBeGreaterThan(200);
    expect(most).toBe(4);
    // Each was run once: one launch, one turn of the agent, one round of checks, one end.
    expect(await server.client.runs.list.query({ batchId: id, limit: 200 })).toHaveLength(50);
    for (const { runId, repository } of rows) {
      const ours = (await allMessages(server.client, runId)).flatMap(({ source, body }) => (source === "runner" ? [body] : []));
      const times = (type: string) => ours.filter((body) => body.type === type).length;
      const once = kindOf(repository) === "missing" ? 0 : 1;
      expect(
        ["step_started", "execution_ended", "check_finished", "step_finished"].map(times),
        `${repository}\n${server.output()}`,
      ).toEqual([once, once, once, once]);
      expect(ours.filter((body) => body.type === "status" && "reason" in body && body.reason !== undefined)).toHaveLength(1);
    }
    expect(await server.client.instances.list.query()).toEqual([]);
    // The launch is told once more, as by one who never got the answer.
    const again = await server.client.batches.create.mutate({
      ...{ taskId, repositories: asRepositories(mixed), limits: { maxAttempts: 1 }, maxConcurrent: 4, idempotencyKey: "all" },
    });
    expect(again).toEqual({ id });
    await expect(
      server.client.batches.create.mutate({ taskId, repositories: asRepositories(mixed.slice(1)), idempotencyKey: "all" }),
    ).rejects.toThrow("other values for repositories and limits and maxConcurrent");
  });
});

describe("runs that compete", () => {
  it("are three attempts with each of two models, of which one is chosen and the others are closed", async () => {
    await using stack = await startStack({ driver: "bubblewrap", scenario, environment: { CCR_MAX_CONCURRENT_RUNS: "5" } });
    const { client } = stack.server;
    const { id: taskId } = await client.tasks.create.mutate(task);
    const [repository = ""] = await makeRepositories(stack, "passes", 1);
    const { id } = await client.batches.create.mutate({
      ...{ taskId, repositories: [{ repository }], attempts: 3, variants: [{ model: "quick" }, { model: "slow" }] },
    });
    const passed = await waitFor(
      async () => {
        const rows = await rowsOf(client, id);
        const isReady = rows.filter(({ status }) => status === "succeeded").length === 3 && rows[3]?.status === "running";
        return isReady && rows;
      },
      { what: "the quick ones to end", timeoutMs: 60_000, intervalMs: 100 },
    );
    expect(passed.map(({ variant, attempt, group }) => [variant, attempt, group])).toEqual([
      ...[1, 2, 3].map((attempt) => ["quick", attempt, 1]),
      ...[1, 2, 3].map((attempt) => ["slow", attempt, 1]),
    ]);
    const [first, second, , slow] = passed.map(({ runId }) => runId);
    if (first === undefined || second === undefined || slow === undefined) throw new Error("there are too few rows");
    await expect(client.batches.choose.mutate({ runId: slow })).rejects.toThrow("only a run that has ended can be chosen");
    const choice = await client.batches.choose.mutate({ runId: first });
    expect(choice.chosen).toBe(first);
    expect(choice.closed).toHaveLength(5);
    const batch = await untilEnded(client, id, 60_000);
    expect(batch).toMatchObject({
      counts: { chosen: 1, closed: 5, retriable: 0 },
      summary: "3 of 6 passed, 3 were canceled. 1 is chosen.",
    });
    const marks = async () => (await rowsOf(client, id)).map(({ status, mark }) => [status, mark]);
    const canceled = [1, 2, 3].map(() => ["canceled", "closed"]);
    expect(await marks()).toEqual([["succeeded", "chosen"], ["succeeded", "closed"], ["succeeded", "closed"], ...canceled]);
    expect(await client.batches.choose.mutate({ runId: first })).toEqual(choice);
    await client.batches.choose.mutate({ runId: second });
    expect(await marks()).toEqual([["succeeded", "closed"], ["succeeded", "chosen"], ["succeeded", "closed"], ...canceled]);
    expect(await client.batches.retry.mutate({ id })).toEqual({ launched: 0 });
    expect(await client.instances.list.query()).toEqual([]);
  });
});

describe("a batch that somebody pauses", () => {
  it("stays so over a restart while others pass it by, goes on, is canceled while a run of it starts, and runs again", async () => {
    await using stack = await startStack({ driver: "bubblewrap", scenario, environment: { CCR_MAX_CONCURRENT_RUNS: "2" } });
    await using servers = new AsyncDisposableStack();
    let { client }: { client: Client } = stack.server;
    const { id: taskId } = await client.tasks.create.mutate(task);
    const paths = await makeRepositories(stack, "lasts", 5);
    const { id } = await client.batches.create.mutate({ taskId, repositories: asRepositories(paths), maxConcurrent: 1 });
    const statuses = async () => (await rowsOf(client, id)).map(({ status }) => status);
    await waitFor(async () => (await statuses())[0] === "running", { what: "the first to run" });
    expect(await client.batches.pause.mutate({ id })).toMatchObject({ state: "paused" });
    const waiting = await client.runs.list.query({ batchId: id, status: ["queued"] });
    expect(waiting.map(({ queue }) => queue?.heldBy)).toEqual(["paused", "paused", "paused", "paused"]);

    stack.server.process.kill("SIGKILL");
    await stack.server.stop();
    const server = servers.use(await stack.restart());
    ({ client } = server);
    const paused = ["succeeded", "queued", "queued", "queued", "queued"];
    await waitFor(async () => (await statuses())[0] === "succeeded", { what: "what was going on to end" });
    // Younger than all that wait, and the queue does not stop at them.
    const [other = ""] = await makeRepositories(stack, "passes", 1);
    const alone = await client.runs.create.mutate({ taskId, repository: other });
    expect(await server.untilFinal(alone.id)).toMatchObject({ status: "succeeded", batch: null });
    expect(await statuses()).toEqual(paused);

    await client.batches.resume.mutate({ id });
    const starting = await waitFor(async () => (await client.runs.list.query({ batchId: id, status: ["starting"] })).at(0), {
      what: "a run that starts",
      intervalMs: 10,
    });
    await client.batches.pause.mutate({ id });
    expect(await client.batches.cancel.mutate({ id })).toMatchObject({ state: "canceled" });
    await expect(client.batches.resume.mutate({ id })).rejects.toThrow("was canceled");
    expect(await untilEnded(client, id, 60_000)).toMatchObject({ summary: "1 of 5 passed, 4 were canceled." });
    const run: Run = await client.runs.byId.query({ id: starting.id });
    expect(run).toMatchObject({ status: "canceled", batch: { id, place: 2 } });

    await client.tasks.delete.mutate({ id: taskId });
    expect(await client.batches.retry.mutate({ id })).toEqual({ launched: 4 });
    expect(await untilEnded(client, id, 90_000)).toMatchObject({ state: "running", summary: "5 of 5 passed." });
    expect((await rowsOf(client, id)).map(({ tries }) => tries)).toEqual([1, 2, 2, 2, 2]);
    expect(await client.runs.list.query({ batchId: id })).toHaveLength(9);
    expect(await client.instances.list.query()).toEqual([]);
  });
});

describe("a batch on several servers", () => {
  it("has no more going on at once than it may, whoever drives them", async () => {
    await using postgres = await startPostgres({ fsync: false });
    await using database = await postgres.createDatabase();
    const environment = { DATABASE_URL: database.url, CCR_MAX_CONCURRENT_RUNS: "3" };
    await using stack = await startStack({ driver: "bubblewrap", scenario, environment });
    const one = stack.server;
    await using two = await startServer({
      ...{ dataDir: stack.folder.join("other"), driver: "bubblewrap", modelUrl: stack.model.url },
      ...{ localRepositories: [stack.repositories], environment: { ...environment, CCR_TOKEN: one.token } },
    });
    const { id: taskId } = await one.client.tasks.create.mutate(task);
    const paths = await makeRepositories(stack, "passes", 10);
    const { id } = await one.client.batches.create.mutate({ taskId, repositories: asRepositories(paths), maxConcurrent: 4 });
    let most = 0;
    const batch = await waitFor(
      async () => {
        const now = await two.client.batches.byId.query({ id });
        const { starting = 0, running = 0, waiting = 0, canceling = 0 } = now.counts.statuses;
        most = Math.max(most, starting + running + waiting + canceling);
        return now.endedAt !== null && now;
      },
      { what: "the end of the batch", timeoutMs: 90_000, intervalMs: 20 },
    );
    expect(batch.summary).toBe("10 of 10 passed.");
    // Neither has as many slots.
    expect(most).toBe(4);
    const said = [one, two].map((server) => server.output().match(/run succeeded/g)?.length ?? 0);
    expect(said.reduce((sum, count) => sum + count, 0)).toBe(10);
    for (const count of said) expect(count).toBeGreaterThan(0);
  });
});

describe("a launch of many that cannot be carried out", () => {
  it("names all that is wrong, and launches nothing", async () => {
    await using stack = await startStack({ driver: "bubblewrap", scenario });
    const { client } = stack.server;
    const { id: taskId } = await client.tasks.create.mutate(task);
    const repositories = asRepositories(["ada/a", "not an address", "ada/a", "/etc/../x"]);
    await expect(client.batches.create.mutate({ taskId, repositories })).rejects.toThrow(
      /^repositories: 3 of the 4 cannot be used, and nothing was launched\. 2\. 'not an address': .*; 3\. 'ada\/a': .* number 1; .*; 4\. '\/etc\/\.\.\/x': /,
    );
    const many = Array.from({ length: 1001 }, (_, index) => ({ repository: `ada/${index}` }));
    await expect(client.batches.create.mutate({ taskId, repositories: many })).rejects.toThrow("at most 1,000 repositories");
    await expect(client.batches.create.mutate({ taskId, repositories: many.slice(0, 51), attempts: 20 })).rejects.toThrow(
      "51 repositories × 1 variant × 20 attempts are 1,020 runs",
    );
    expect(await client.batches.list.query()).toEqual([]);
    expect(await client.runs.list.query()).toEqual([]);
  });
});
