import { BatchId, CcrError, type CreateBatchInput, RunId, TaskId } from "@ccr/protocol";
import { describe, expect, it } from "vitest";
import { noContext } from "./testing/no-context.ts";
import { serveHttp } from "./testing/serve.ts";

const BATCH = BatchId.parse("bat_0123456789");
const launch = { taskId: "task_0123456789", repositories: [{ repository: " acme/slugs " }] };

const serve = async () => {
  const created: CreateBatchInput[] = [];
  const server = await serveHttp({
    context: {
      batches: {
        ...noContext.batches,
        create: async (input) => {
          created.push(input);
          const variants = [{ label: "", taskId: input.taskId, taskName: "T", model: null }];
          const parts = { name: "T", state: "running" as const, maxConcurrent: null, attempts: 1, variants, groups: 1 };
          return {
            id: BATCH,
            taskId: TaskId.parse(input.taskId),
            taskName: "T",
            ...parts,
            createdAt: "2026-11-22T20:00:00.000Z",
          };
        },
        rows: async () => [],
        choose: async (runId) => {
          throw new CcrError("conflict", `Run ${runId} is running: only a run that has ended can be chosen.`);
        },
      },
    },
  });
  return { created, ...server, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
};

const dataOf = ({ body }: { body: string }): unknown => JSON.parse(body).result.data;
const messageOf = ({ body }: { body: string }): unknown => JSON.parse(body).error.message;

describe("batches.create", () => {
  it("fills in what is left out: one attempt at one variant", async () => {
    await using server = await serve();
    expect(dataOf(await server.mutate("batches.create", launch))).toEqual({ id: BATCH });
    expect(server.created).toEqual([
      { taskId: launch.taskId, repositories: [{ repository: "acme/slugs" }], attempts: 1, variants: [{}] },
    ]);
  });

  it.each([
    [{ repositories: [] }, "repositories: a batch needs at least one repository"],
    [{ variants: [] }, "variants: a batch needs at least one variant; leave them out for the task as it is"],
    [{ variants: [{ model: "a b" }] }, "variants[0].model: is not a model's name"],
    [{ attempts: 0 }, "attempts: must be at least 1"],
    [{ maxConcurrent: 1.5 }, "maxConcurrent: must be a whole number"],
    [{ limits: { timeSecond: 60 } }, 'limits: Unrecognized key: "timeSecond"'],
    [{ attempt: 3 }, 'Unrecognized key: "attempt"'],
  ])("refuses %j with a sentence", async (change, message) => {
    await using server = await serve();
    const answer = await server.mutate("batches.create", { ...launch, ...change });
    expect(answer.status).toBe(400);
    expect(messageOf(answer)).toBe(message);
    expect(server.created).toEqual([]);
  });
});

it("what cannot be an id is the id of nothing, and what cannot be chosen is a conflict", async () => {
  await using server = await serve();
  expect((await server.query("batches.byId", { id: "nothing" })).status).toBe(404);
  expect((await server.mutate("batches.pause", { id: "run_0123456789" })).status).toBe(404);
  expect((await server.query("batches.runs", { id: BATCH, limit: 1001 })).status).toBe(400);
  expect(dataOf(await server.query("batches.runs", { id: BATCH }))).toEqual([]);
  const refused = await server.mutate("batches.choose", { runId: RunId.parse("run_0123456789") });
  expect(refused.status).toBe(409);
  expect(messageOf(refused)).toContain("only a run that has ended");
});
