import { FENCE_HEADER } from "@ccr/protocol";
import { describe, expect, it } from "vitest";
import { readFence } from "./fence.ts";
import { executorFolder, startExecutor, type TestExecutor } from "./testing/executor.ts";

const conflict = { status: 409, json: { error: { code: "conflict", message: expect.stringMatching(/fencing number/) } } };
const wildAgent = new URL("./testing/wild-agent.mjs", import.meta.url).pathname;
const ask = (executor: TestExecutor, fence: number | string | null, path = "/health", method = "GET") =>
  executor.ask(method, path, undefined, { headers: fence === null ? {} : { [FENCE_HEADER]: String(fence) } });

describe("the fence", () => {
  it("refuses who comes with a lower number than was heard, before and after a kill", async () => {
    await using folder = await executorFolder();
    {
      await using executor = await startExecutor({ folder });
      for (const fence of [null, 0, 3, 3, 7]) expect((await ask(executor, fence)).status).toBe(200);
      for (const fence of [0, 3, 6]) expect(await ask(executor, fence)).toMatchObject(conflict);
      expect((await ask(executor, null)).status).toBe(200);
      await executor.end("SIGKILL");
    }
    await using executor = await startExecutor({ folder });
    expect(await ask(executor, 6)).toMatchObject(conflict);
    expect((await ask(executor, 7)).status).toBe(200);
    expect((await ask(executor, null)).status).toBe(200);
  });

  it("does nothing for a lower number, on any route", async () => {
    await using folder = await executorFolder();
    await using executor = await startExecutor({ folder, env: { EXECUTOR_CLAUDE: wildAgent } });
    await ask(executor, 5);
    const headers = { [FENCE_HEADER]: "4" };
    expect(await executor.ask("POST", "/execute", { prompt: "forged" }, { headers })).toMatchObject(conflict);
    expect(await executor.ask("POST", "/check", { command: "touch made" }, { headers })).toMatchObject(conflict);
    expect(await executor.ask("POST", "/ack", { seq: 0 }, { headers })).toMatchObject(conflict);
    expect(await executor.ask("GET", "/health")).toMatchObject({ json: { lastSeq: 0, state: "idle" } });
  });

  it("does nothing for a request whose body comes after a greater number was heard", async () => {
    await using folder = await executorFolder();
    await using executor = await startExecutor({ folder });
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        // The head of the request is there when this is asked for.
        expect((await ask(executor, 2)).status).toBe(200);
        controller.enqueue(new TextEncoder().encode('{"command":"touch made"}'));
        controller.close();
      },
    });
    expect(await executor.ask("POST", "/check", body, { headers: { [FENCE_HEADER]: "1" } })).toMatchObject(conflict);
  });

  it("cuts the streams of lower numbers when a greater one is heard, and no others", async () => {
    await using folder = await executorFolder();
    await using executor = await startExecutor({ folder, env: { EXECUTOR_CLAUDE: wildAgent } });
    const begun = await executor.stream("POST", "/execute", { prompt: "deaf" }, { headers: { [FENCE_HEADER]: "1" } });
    const old = begun[Symbol.asyncIterator]();
    await old.next();
    const follow = (headers: Record<string, string>) => executor.stream("GET", "/execute", undefined, { headers });
    const unfenced = (await follow({}))[Symbol.asyncIterator]();
    const mine = (await follow({ [FENCE_HEADER]: "2" }))[Symbol.asyncIterator]();
    await expect(
      (async () => {
        while ((await old.next()).done !== true);
      })(),
    ).rejects.toThrow(/aborted/);
    void executor.ask("POST", "/interrupt", undefined, { headers: { [FENCE_HEADER]: "2" } });
    for (const iterator of [mine, unfenced]) {
      const types: string[] = [];
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) types.push(next.value.body.type);
      expect(types.at(0)).toBe("execution_started");
      expect(types.at(-1)).toBe("execution_ended");
    }
  });

  it("refuses what is no number", async () => {
    await using folder = await executorFolder();
    await using executor = await startExecutor({ folder });
    for (const fence of ["x", "-1", "1.5", "1, 2", "9".repeat(16)]) {
      expect(await ask(executor, fence)).toMatchObject({ status: 400, json: { error: { code: "bad_request" } } });
    }
    expect((await ask(executor, 1)).status).toBe(200);
    expect(readFence(undefined)).toBeNull();
    expect(() => readFence("")).toThrow(/whole number/);
  });
});
