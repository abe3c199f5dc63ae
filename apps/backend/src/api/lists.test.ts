import { CcrError, PageRunsInput, RunId, type StartRunInput, TaskId } from "@ccr/protocol";
import { describe, expect, it } from "vitest";
import { noContext } from "./testing/no-context.ts";
import { serveHttp } from "./testing/serve.ts";

const RUN = RunId.parse("run_0123456789");
const dataOf = ({ body }: { body: string }): unknown => JSON.parse(body).result.data;
const messageOf = ({ body }: { body: string }): unknown => JSON.parse(body).error.message;

const serve = async () => {
  const paged: PageRunsInput[] = [];
  const canceled: RunId[][] = [];
  const server = await serveHttp({
    context: {
      listing: {
        ...noContext.listing,
        page: async (input) => {
          paged.push(input);
          return { runs: [], next: null };
        },
        counts: async () => ({ statuses: { failed: 3 }, isWhole: true }),
      },
      launches: {
        ...noContext.launches,
        cancelMany: async ({ ids }) => {
          canceled.push(ids);
          return ids.map((id) => ({ id, did: "ended", status: "succeeded" }));
        },
      },
    },
  });
  return { paged, canceled, ...server, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
};

describe("lists of runs", () => {
  it("are the newest runs when nothing is said", async () => {
    await using server = await serve();
    expect(dataOf(await server.query("runs.page"))).toEqual({ runs: [], next: null });
    expect(server.paged).toEqual([PageRunsInput.parse({})]);
    expect(dataOf(await server.query("runs.counts"))).toEqual({ statuses: { failed: 3 }, isWhole: true });
  });

  it.each([
    [{ sort: "best" }, "sort: "],
    [{ text: "x".repeat(201) }, "text: the words are longer than 200 characters"],
    [{ limit: 201 }, "limit: "],
    [{ since: "yesterday" }, "since: "],
    [{ status: ["gone"] }, "status[0]: "],
  ])("are refused for %j", async (input, message) => {
    await using server = await serve();
    const answer = await server.query("runs.page", input);
    expect(answer.status).toBe(400);
    expect(messageOf(answer)).toContain(message);
    expect(server.paged).toEqual([]);
  });

  it("name those that are to be canceled, and not too many", async () => {
    await using server = await serve();
    expect(dataOf(await server.mutate("runs.cancelMany", { ids: [RUN] }))).toEqual([
      { id: RUN, did: "ended", status: "succeeded" },
    ]);
    expect((await server.mutate("runs.cancelMany", { ids: [] })).status).toBe(400);
    expect((await server.mutate("runs.cancelMany", { ids: Array(1001).fill(RUN) })).status).toBe(400);
    expect(server.canceled).toEqual([[RUN]]);
  });
});

describe("a run from a few words", () => {
  const open = async () => {
    const started: StartRunInput[] = [];
    const server = await serveHttp({
      context: {
        launches: {
          ...noContext.launches,
          start: async (input) => {
            started.push(input);
            throw new CcrError("conflict", `The idempotency key "k" belongs to the run ${RUN}.`);
          },
        },
        repositories: {
          ...noContext.repositories,
          branches: async (repository) => {
            throw new CcrError("timeout", `The host of ${repository} did not tell its branches within 20 seconds.`);
          },
          recent: async () => [{ repository: "acme/slugs", lastUsedAt: null }],
        },
      },
    });
    return { started, ...server, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  };

  it("needs words, and tells what it belongs to already", async () => {
    await using server = await open();
    const empty = await server.mutate("runs.start", { repository: "acme/slugs", prompt: "\n" });
    expect(empty.status).toBe(400);
    expect(messageOf(empty)).toContain("prompt: the instructions are empty");
    const taken = await server.mutate("runs.start", {
      repository: "acme/slugs",
      prompt: "Fix it",
      taskId: TaskId.parse("task_0123456789"),
    });
    expect([taken.status, messageOf(taken)]).toEqual([409, expect.stringContaining(RUN)]);
    const asUsual = { permissionMode: "bypassPermissions", asks: true };
    expect(server.started).toEqual([
      { repository: "acme/slugs", prompt: "Fix it", checks: "", allowNoChanges: false, ...asUsual },
    ]);
  });

  it("has a repository whose branches may be slow to come", async () => {
    await using server = await open();
    const slow = await server.query("repositories.branches", { repository: "acme/slugs" });
    expect([slow.status, messageOf(slow)]).toEqual([504, expect.stringContaining("within 20 seconds")]);
    expect((await server.query("repositories.branches", { repository: "" })).status).toBe(400);
    expect(dataOf(await server.query("repositories.recent"))).toEqual([{ repository: "acme/slugs", lastUsedAt: null }]);
  });
});
