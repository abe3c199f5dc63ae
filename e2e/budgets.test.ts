import type { Run } from "@ccr/protocol";
import { createGitRepository, waitFor } from "@ccr/testkit";
import { expect, it } from "vitest";
import { allMessages, type Server } from "./src/server.ts";
import { startStack } from "./src/stack.ts";

/** Each turn costs some five cents. */
const cheap = {
  name: "cheap",
  inputTokens: 10_000,
  rules: [{ turns: [{ blocks: [{ type: "text", text: "Hello." }] }] }],
};

const stagesOf = async ({ client }: Server, id: Run["id"]) =>
  (await allMessages(client, id)).flatMap(({ seq, source, body }) =>
    source === "runner" && body.type === "stage" && body.stage === "budget" ? [{ seq, state: body.state, text: body.text }] : [],
  );

it("a day's budget lets what goes on and what is queued wait, over a kill of the server, and ends neither", async () => {
  await using stack = await startStack({ driver: "bubblewrap", scenario: cheap });
  const { server, repositories } = stack;
  await using repository = await createGitRepository({ path: `${repositories}/a`, files: { a: "a\n" } });
  const task = await server.client.tasks.create.mutate({
    name: "Two steps",
    steps: ["One.", "Two."].map((instructions) => ({ instructions, checks: "" })),
    allowNoChanges: true,
  });
  const launch = () => server.client.runs.create.mutate({ taskId: task.id, repository: repository.path });
  await server.client.server.setBudgets.mutate({ dayUsd: 0.02 });
  const going = await launch();
  const [started] = await waitFor(
    async () => {
      const stages = await stagesOf(server, going.id);
      return stages.length > 0 && stages;
    },
    { what: "the run to wait before its second step" },
  );
  expect(started?.text).toMatch(/^Waiting: the day's budget of \$0\.02 is used up; it goes on at 00:00 UTC or when/);
  const today = await server.client.server.budgets.query();
  const { costUsd } = (await server.client.runs.byId.query({ id: going.id })).usage;
  expect(today).toMatchObject({ isUsedUp: true, spentUsd: costUsd });
  expect(costUsd).toBeGreaterThan(0.02);

  const queued = await launch();
  server.process.kill("SIGKILL");
  await server.stop();
  await using next = await stack.restart();
  const { client } = next;
  const budget = { dayUsd: 0.02, zone: "UTC", to: today.to };
  expect(await client.runs.byId.query({ id: queued.id })).toMatchObject({
    status: "queued",
    queue: { position: 1, heldBy: "budget", budget },
  });
  await waitFor(() => next.output().includes("is taken up"), { what: "the run to be taken up" });
  expect(await client.runs.overview.query()).toMatchObject({ runningTotal: 1, queued: { total: 1 }, budget });
  expect(await client.runs.byId.query({ id: going.id })).toMatchObject({ status: "running", stepIndex: 1, usage: { costUsd } });

  await client.server.setBudgets.mutate({ dayUsd: 5 });
  for (const { id } of [going, queued]) expect(await next.untilFinal(id)).toMatchObject({ status: "succeeded" });
  expect((await stagesOf(next, going.id)).map(({ state }) => state)).toEqual(["started", "finished"]);
  expect(await stagesOf(next, queued.id)).toEqual([]);
  expect(await client.runs.overview.query()).toMatchObject({ budget: null });
  // Each of the four turns was paid for once.
  expect((await client.server.budgets.query()).spentUsd).toBeCloseTo(4 * costUsd, 5);
});
