import { isFinal, type Message, type Run } from "@ccr/protocol";
import { parseScenario, startScriptedModel } from "@ccr/scripted-model";
import { createGitRepository, startPostgres, temporaryFolder, waitFor } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { allMessages, type Server, startServer, subscribe } from "./src/server.ts";

const TICKS = 40;
const ticking = parseScenario({
  name: "ticks",
  rules: [
    {
      turns: [
        {
          blocks: [
            { type: "tool_use", name: "Bash", input: { command: "echo tick >> ticks.txt; sleep 0.2", description: "Work" } },
          ],
          repeat: TICKS,
        },
        { blocks: [{ type: "text", text: "Done." }] },
      ],
    },
  ],
});
const steps = [{ instructions: "Tick.", checks: `$ test $(wc -l < ticks.txt) = ${TICKS}` }];

/** A PostgreSQL, a model and a repository, for any number of servers, each with a data folder of its own. */
const world = async () => {
  const parts = new AsyncDisposableStack();
  try {
    const postgres = parts.use(await startPostgres());
    const folder = parts.use(await temporaryFolder());
    const model = parts.use(await startScriptedModel({ scenario: ticking }));
    const repository = parts.use(await createGitRepository({ files: { a: "a\n" } }));
    const database = parts.use(await postgres.createDatabase());
    const serve = (name: string, environment: Record<string, string> = {}): Promise<Server> =>
      startServer({
        dataDir: folder.join(name),
        driver: "bubblewrap",
        modelUrl: model.url,
        localRepositories: [repository.path],
        environment: { DATABASE_URL: database.url, ...environment },
      });
    return { postgres, repository, serve, [Symbol.asyncDispose]: () => parts.disposeAsync() };
  } catch (error) {
    await parts.disposeAsync();
    throw error;
  }
};

const launch = async ({ client }: Server, repository: string): Promise<Run["id"]> => {
  const task = await client.tasks.create.mutate({ name: "Tick", steps });
  return (await client.runs.create.mutate({ taskId: task.id, repository })).id;
};

const atWork = ({ client }: Server, id: Run["id"], messages = 15): Promise<Run> =>
  waitFor(
    async () => {
      const run = await client.runs.byId.query({ id });
      return run.lastSeq > messages && run;
    },
    { what: "a run at work", timeoutMs: 60_000 },
  );

/** Whatever happened on the way: each message once, each thing said once, one end. */
const expectWhole = async (server: Server, id: Run["id"]): Promise<Message[]> => {
  const messages = await allMessages(server.client, id);
  expect(messages.map(({ seq }) => seq)).toEqual(messages.map((_, index) => index + 1));
  const ours = messages.flatMap(({ source, body }) => (source === "runner" ? [body] : []));
  for (const kind of ["step_started", "execution_ended", "check_finished", "step_finished"])
    expect(
      ours.filter(({ type }) => type === kind),
      kind,
    ).toHaveLength(1);
  expect(ours.filter((body) => body.type === "status" && isFinal(body.status))).toHaveLength(1);
  return messages;
};

describe("several servers on one PostgreSQL", () => {
  it("drive each run once, and show every message of it on each of them", { timeout: 180_000 }, async () => {
    await using at = await world();
    await using one = await at.serve("one", { CCR_MAX_CONCURRENT_RUNS: "1" });
    await using two = await at.serve("two", { CCR_MAX_CONCURRENT_RUNS: "1", CCR_TOKEN: one.token });
    const ids = [await launch(one, at.repository.path), await launch(one, at.repository.path)];
    const seen = ids.map(async (id) => {
      const live: Message[][] = await Promise.all([one, two].map((server) => Array.fromAsync(subscribe(server, id, null))));
      return live;
    });
    for (const id of ids) expect(await two.untilFinal(id)).toMatchObject({ status: "succeeded", reason: "passed" });
    for (const [index, id] of ids.entries()) {
      const stored = await expectWhole(one, id);
      for (const live of (await seen[index]) ?? []) expect(live).toEqual(stored);
    }
    // Both were busy: neither could take both.
    const drivers = await Promise.all(ids.map(async (id) => (await one.client.runs.byId.query({ id })).instanceId));
    expect(new Set(drivers).size).toBe(2);
  });

  it("hear of a person's wish to cancel on whichever of them", { timeout: 120_000 }, async () => {
    await using at = await world();
    await using one = await at.serve("one");
    const id = await launch(one, at.repository.path);
    await atWork(one, id);
    await using two = await at.serve("two", { CCR_TOKEN: one.token });
    await two.client.runs.cancel.mutate({ id });
    expect(await two.untilFinal(id, 30_000)).toMatchObject({ status: "canceled" });
  });

  it("take over what a dead one leaves: a queued run at once, a running one within a lease", { timeout: 180_000 }, async () => {
    await using at = await world();
    const one = await at.serve("one", { CCR_MAX_CONCURRENT_RUNS: "1" });
    const going = await launch(one, at.repository.path);
    const { instanceId } = await atWork(one, going);
    const queued = await launch(one, at.repository.path);
    one.process.kill("SIGKILL");
    await one.stop();
    await using two = await at.serve("two", { CCR_MAX_CONCURRENT_RUNS: "1", CCR_TOKEN: one.token });
    await waitFor(async () => (await two.client.runs.byId.query({ id: queued })).status !== "queued", { what: "the queued run" });
    expect(two.output()).not.toContain("is taken up");
    expect(await two.untilFinal(going, 100_000)).toMatchObject({ status: "succeeded", reason: "passed", instanceId });
    await expectWhole(two, going);
    expect(await two.untilFinal(queued)).toMatchObject({ status: "succeeded", reason: "passed" });
    expect(await two.client.instances.list.query()).toEqual([]);
  });

  it("lock out one that was frozen for longer than a lease", { timeout: 240_000 }, async () => {
    await using at = await world();
    await using one = await at.serve("one");
    const id = await launch(one, at.repository.path);
    const { instanceId } = await atWork(one, id);
    await using two = await at.serve("two", { CCR_TOKEN: one.token });
    one.process.kill("SIGSTOP");
    try {
      await waitFor(() => two.output().includes("is taken up"), { what: "the takeover", timeoutMs: 60_000 });
    } finally {
      one.process.kill("SIGCONT");
    }
    await waitFor(() => one.output().includes("another server drives this run now"), { what: "the lock-out", timeoutMs: 30_000 });
    expect(await two.untilFinal(id)).toMatchObject({ status: "succeeded", reason: "passed", instanceId });
    await expectWhole(two, id);
  });

  it("wait for a database that is gone, and lose nothing by it", { timeout: 180_000 }, async () => {
    await using at = await world();
    await using one = await at.serve("one");
    const id = await launch(one, at.repository.path);
    await atWork(one, id);
    await at.postgres.stop("immediate");
    await waitFor(() => one.output().includes("cannot be used now"), { what: "the outage to be noticed", timeoutMs: 30_000 });
    await at.postgres.start();
    expect(await one.untilFinal(id)).toMatchObject({ status: "succeeded", reason: "passed" });
    await expectWhole(one, id);
  });
});
