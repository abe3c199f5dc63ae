import { leakWatch, waitFor } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import {
  agentPid,
  bash,
  execute,
  isToolUse,
  lastSeq,
  readUntil,
  say,
  sessions,
  setUp,
  type Turn,
  toolResults,
  wait,
} from "./testing/claude.ts";
import { assertNoGap, collect, outcomeOf, startExecutor } from "./testing/executor.ts";

describe("interrupting", () => {
  it("ends the execution as interrupted, once and again, and the conversation goes on", async () => {
    const leaks = await leakWatch();
    {
      await using here = await setUp({ hang: [bash(wait(600)), say("Never.")], next: [say("Here again.")] });
      const { executor } = here;
      const stream = (await executor.stream("POST", "/execute", { prompt: "hang" }))[Symbol.asyncIterator]();
      const head = await readUntil(stream, isToolUse);
      const answers = await Promise.all([executor.ask("POST", "/interrupt"), executor.ask("POST", "/interrupt")]);
      for (const answer of answers) expect(answer).toMatchObject({ status: 200, json: { interrupted: true } });
      const tail = await readUntil(stream, ({ body }) => body.type === "execution_ended");
      expect(outcomeOf(tail)).toEqual({ kind: "interrupted" });
      expect(await executor.ask("POST", "/interrupt")).toMatchObject({ json: { interrupted: false } });
      const next = await execute(executor, { prompt: "next" });
      expect(outcomeOf(next)).toEqual({ kind: "completed", text: "Here again." });
      expect(sessions([...head, ...tail, ...next]).size).toBe(1);
    }
    await leaks.assertNothingLeft();
  });

  it("ends an agent that does not obey, with all that it started", async () => {
    const leaks = await leakWatch();
    await using here = await setUp({
      hang: [bash("(trap '' TERM INT HUP; setsid tail -f /dev/null) & tail -f /dev/null")],
      next: [say("Here.")],
    });
    const { executor } = here;
    const stream = (await executor.stream("POST", "/execute", { prompt: "hang" }))[Symbol.asyncIterator]();
    await readUntil(stream, isToolUse);
    await waitFor(async () => (await leaks.left()).filter((line) => line.includes("tail -f")).length >= 2, {
      what: "the commands to run",
    });
    const pid = await agentPid(executor);
    process.kill(pid, "SIGSTOP"); // it neither obeys nor ends
    expect(await executor.ask("POST", "/interrupt")).toMatchObject({ json: { interrupted: true } });
    expect(outcomeOf(await readUntil(stream, ({ body }) => body.type === "execution_ended"))).toEqual({ kind: "interrupted" });
    await waitFor(async () => !(await leaks.left()).some((line) => line.includes("tail -f")), {
      what: "the commands to be gone",
    });
    expect(outcomeOf(await execute(executor, { prompt: "next" }))).toMatchObject({ kind: "completed" });
  });

  it("interrupts an execution whose agent is still being started", async () => {
    await using here = await setUp({ go: [bash(wait(60))] });
    const running = execute(here.executor, { prompt: "go" });
    await waitFor(async () => (await lastSeq(here.executor)) >= 1, { intervalMs: 1 });
    expect(await here.executor.ask("POST", "/interrupt")).toMatchObject({ json: { interrupted: true } });
    expect(outcomeOf(await running)).toEqual({ kind: "interrupted" });
  });
});

describe("deaths", () => {
  it("ends the execution when the agent is killed, and resumes the conversation with another", async () => {
    const leaks = await leakWatch();
    await using here = await setUp({ hang: [bash("echo before; tail -f /dev/null")], next: [say("I am back.")] });
    const { executor } = here;
    const stream = (await executor.stream("POST", "/execute", { prompt: "hang" }))[Symbol.asyncIterator]();
    const head = await readUntil(stream, isToolUse);
    await waitFor(async () => (await leaks.left()).some((line) => line.includes("tail -f")), { what: "the command to run" });
    process.kill(await agentPid(executor), "SIGKILL");
    const tail = await readUntil(stream, ({ body }) => body.type === "execution_ended");
    expect(outcomeOf(tail)).toMatchObject({ kind: "failed", code: "agent_exited", message: expect.stringContaining("SIGKILL") });
    await waitFor(async () => !(await leaks.left()).some((line) => line.includes("tail -f")), { what: "its command to be gone" });
    const next = await execute(executor, { prompt: "next" });
    expect(outcomeOf(next)).toEqual({ kind: "completed", text: "I am back." });
    expect(sessions([...head, ...next]).size).toBe(1);
    assertNoGap([...head, ...tail, ...next], 1);
  });

  it("keeps the spool and the conversation when the executor itself is killed, and ends what was cut short", async () => {
    const leaks = await leakWatch();
    await using here = await setUp({
      first: [say("One.")],
      hang: [bash("echo x; tail -f /dev/null")],
      next: [say("Still here.")],
    });
    const { executor } = here;
    const first = await execute(executor, { prompt: "first" });
    const stream = (await executor.stream("POST", "/execute", { prompt: "hang", executionId: "cut" }))[Symbol.asyncIterator]();
    const second = await readUntil(stream, isToolUse);
    await executor.end("SIGKILL");
    await using again = await here.start();
    const whole = await collect(await again.stream("GET", "/execute"));
    assertNoGap(whole, 1);
    expect(whole.slice(0, first.length + second.length)).toEqual([...first, ...second]);
    expect(outcomeOf(whole)).toMatchObject({
      kind: "failed",
      code: "agent_exited",
      message: expect.stringContaining("started again"),
    });
    // The agent of the killed executor is not left at work in the same workspace.
    expect((await leaks.left()).filter((line) => line.includes("stream-json") || line.includes("tail -f"))).toEqual([]);
    const joined = await execute(again, { prompt: "hang", executionId: "cut" });
    expect(joined).toEqual(whole.slice(first.length));
    const next = await execute(again, { prompt: "next" });
    expect(outcomeOf(next)).toEqual({ kind: "completed", text: "Still here." });
    expect(next[0]?.seq).toBe((whole.at(-1)?.seq ?? 0) + 1);
    expect(sessions([...first, ...next]).size).toBe(1);
  });

  it("says so when the conversation's transcript is gone, and begins a new one", async () => {
    await using here = await setUp({ go: [say("Done.")] });
    const first = await execute(here.executor, { prompt: "go" });
    await here.executor.end("SIGTERM");
    await using again = await startExecutor({
      folder: here.folder,
      env: { ANTHROPIC_BASE_URL: here.model.url, CLAUDE_CONFIG_DIR: here.folder.join("elsewhere") },
    });
    const second = await execute(again, { prompt: "go" });
    expect(outcomeOf(second)).toMatchObject({ kind: "completed" });
    expect(second[1]).toMatchObject({
      source: "runner",
      body: { type: "note", text: expect.stringContaining("new conversation") },
    });
    expect(sessions([...first, ...second]).size).toBe(2);
  });

  it("tells what is wrong when Claude Code cannot be started", async () => {
    await using here = await setUp({ go: [say("Done.")] }, { EXECUTOR_CLAUDE: "/nonexistent/claude" });
    const outcome = outcomeOf(await execute(here.executor, { prompt: "go" }));
    expect(outcome).toMatchObject({
      kind: "failed",
      code: "agent_exited",
      message: expect.stringMatching(/could not be started/),
    });
    expect((await here.executor.ask("GET", "/health")).status).toBe(200);
  });

  it("gives an execution an end when the executor is told to stop", async () => {
    await using here = await setUp({ hang: [bash(wait(600))] });
    const stream = (await here.executor.stream("POST", "/execute", { prompt: "hang" }))[Symbol.asyncIterator]();
    await readUntil(stream, isToolUse);
    const ending = here.executor.end("SIGTERM");
    expect(outcomeOf(await readUntil(stream, ({ body }) => body.type === "execution_ended"))).toEqual({ kind: "interrupted" });
    expect(await ending).toBe(143);
  });
});

const PATIENT_MS = 4_500;

describe("a model in trouble", () => {
  it.each([
    ["nothing", 1_000],
    ["headers", 1_000],
  ] as const)("ends as stalled when the model is silent (%s)", async (stall, stallTimeoutMs) => {
    await using here = await setUp({ next: [say("Better.")], go: [{ stall }] });
    const begin = performance.now();
    const events = await execute(here.executor, { prompt: "go", stallTimeoutMs });
    expect(outcomeOf(events)).toMatchObject({
      kind: "failed",
      code: "agent_stalled",
      message: expect.stringContaining("no sign of life"),
    });
    expect(performance.now() - begin).toBeLessThan(15_000);
    expect(outcomeOf(await execute(here.executor, { prompt: "next" }))).toEqual({ kind: "completed", text: "Better." });
  });

  it("ends as stalled when the model falls silent within an answer", async () => {
    const reply: Turn = {
      blocks: [{ type: "text", text: { repeat: "word ", times: 1000 } }],
      breakOff: { afterCharacters: 500, how: "stall" },
    };
    await using here = await setUp({ go: [reply] });
    const events = await execute(here.executor, { prompt: "go", stallTimeoutMs: 1_000 });
    expect(outcomeOf(events)).toMatchObject({ code: "agent_stalled" });
  });

  it("takes a slow answer for what it is: every piece is a sign of life", async () => {
    const reply: Turn = { blocks: [{ type: "text", text: "abcdefgh" }], pace: { betweenChunksMs: 800, chunkCharacters: 1 } };
    await using here = await setUp({ go: [reply] });
    // Less than the whole takes, and more than the start of Claude Code does where much else goes on.
    expect(outcomeOf(await execute(here.executor, { prompt: "go", stallTimeoutMs: PATIENT_MS }))).toEqual({
      kind: "completed",
      text: "abcdefgh",
    });
  });

  it("never takes a long command for a stall", async () => {
    await using here = await setUp({ go: [bash(`${wait(7)}; echo finished`), say("Done.")] });
    const events = await execute(here.executor, { prompt: "go", stallTimeoutMs: PATIENT_MS });
    expect(outcomeOf(events)).toEqual({ kind: "completed", text: "Done." });
    expect(toolResults(events)).toContain("finished");
  });

  it("does not try a refused credential for minutes", async () => {
    await using here = await setUp({ go: [{ error: { status: 401 } }] }, { CLAUDE_CODE_MAX_RETRIES: "10" });
    const begin = performance.now();
    const outcome = outcomeOf(await execute(here.executor, { prompt: "go" }));
    expect(outcome).toMatchObject({ kind: "failed", code: "model_unauthorized", message: expect.stringContaining("401") });
    expect(performance.now() - begin).toBeLessThan(20_000);
  });

  it.each([
    [403, "model_unauthorized"],
    [429, "model_unavailable"],
    [500, "model_unavailable"],
    [529, "model_unavailable"],
    [400, "agent_error"],
  ])("maps status %i, when it stays, to %s", async (status, code) => {
    await using here = await setUp(
      { go: [{ error: { status, message: "the server's own words" } }] },
      { CLAUDE_CODE_MAX_RETRIES: "1" },
    );
    expect(outcomeOf(await execute(here.executor, { prompt: "go" }))).toMatchObject({ kind: "failed", code });
  });

  it("goes on when the trouble passes", async () => {
    const reply: Turn = { blocks: [{ type: "text", text: "Back." }], faults: [{ error: { status: 529 }, times: 2 }] };
    await using here = await setUp({ go: [reply] });
    const events = await execute(here.executor, { prompt: "go" });
    expect(outcomeOf(events)).toEqual({ kind: "completed", text: "Back." });
    expect(JSON.stringify(events)).toContain("api_retry");
  });

  it("gives up a model that cannot be reached, and one that only ever fails", async () => {
    await using here = await setUp({ go: [{ error: { status: 529 } }] }, { CLAUDE_CODE_MAX_RETRIES: "1000" });
    expect(outcomeOf(await execute(here.executor, { prompt: "go", stallTimeoutMs: 2_000 }))).toMatchObject({
      code: "model_unavailable",
    });
    await here.model[Symbol.asyncDispose]();
    expect(outcomeOf(await execute(here.executor, { prompt: "go", stallTimeoutMs: 2_000 }))).toMatchObject({
      code: "model_unavailable",
    });
  });
});
