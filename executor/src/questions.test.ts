import { mkdir, readFile, writeFile } from "node:fs/promises";
import { type SpoolEvent, SpooledRunnerBody } from "@ccr/protocol";
import { describe, expect, it } from "vitest";
import { Questions, resultOf } from "./questions.ts";
import { agentPid, bash, execute, kinds, readUntil, say, setUp, type Turn, toolResults, wait } from "./testing/claude.ts";
import { outcomeOf, type TestExecutor } from "./testing/executor.ts";

const tool = (name: string, input: Record<string, unknown>): Turn => ({ blocks: [{ type: "tool_use", name, input }] });
const COLOURS = {
  questions: [
    {
      question: "Which colour?",
      header: "Colour",
      multiSelect: false,
      options: [
        { label: "Red", description: "warm" },
        { label: "Blue", description: "cold" },
      ],
    },
  ],
};

const bodies = (events: readonly SpoolEvent[]): SpooledRunnerBody[] =>
  events.flatMap(({ source, body }) => (source === "runner" ? [SpooledRunnerBody.parse(body)] : []));
const asked = (events: readonly SpoolEvent[]) =>
  bodies(events).flatMap((body) => (body.type === "question_asked" ? [body.question] : []));
const answered = (events: readonly SpoolEvent[]) =>
  bodies(events).flatMap((body) => (body.type === "question_answered" ? [{ by: body.by, text: body.text }] : []));
const isAsked = ({ body }: SpoolEvent) => body.type === "question_asked";

/** Executes a prompt, and answers each question with the next of these. */
const converse = async (executor: TestExecutor, input: object, answers: object[]): Promise<SpoolEvent[]> => {
  const events: SpoolEvent[] = [];
  for await (const event of await executor.stream("POST", "/execute", { asks: true, ...input })) {
    events.push(event);
    if (event.source !== "runner" || event.body.type !== "question_asked") continue;
    const { questionId } = event.body.question;
    const { json } = await executor.ask("POST", "/answer", { questionId, answer: answers.shift(), by: "person" });
    expect(json).toEqual({ answered: true });
  }
  return events;
};

describe("an agent that may ask", () => {
  it("asks a question of its own, waits, and goes on with the answer", async () => {
    await using here = await setUp({ go: [tool("AskUserQuestion", COLOURS), say("Told: {{lastToolResult}}")] });
    const { executor } = here;
    const stream = (await executor.stream("POST", "/execute", { prompt: "go", asks: true }))[Symbol.asyncIterator]();
    const before = await readUntil(stream, isAsked);
    const [question] = asked(before);
    expect(question).toMatchObject({ kind: "choice", toolName: "AskUserQuestion", input: COLOURS, canBeAlways: false });
    const questionId = question?.questionId;
    const answer = { kind: "choose", answers: { "Which colour?": "Blue" } };
    // Claude Code works in the meantime on nothing: its own clock stands still.
    const { json: early } = await executor.ask("GET", "/health");
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await executor.ask("GET", "/health")).json).toMatchObject({ executingMs: Reflect.get(Object(early), "executingMs") });
    expect(await executor.ask("POST", "/answer", { questionId, answer: { kind: "allow" }, by: "person" })).toMatchObject({
      status: 400,
      json: { error: { message: expect.stringContaining("choose") } },
    });
    expect((await executor.ask("POST", "/answer", { questionId, answer, by: "person" })).json).toEqual({ answered: true });
    const after = await readUntil(stream, ({ body }) => body.type === "execution_ended");
    expect(answered(after)).toEqual([{ by: "person", text: "Which colour? Blue" }]);
    expect(outcomeOf(after)).toMatchObject({ kind: "completed", text: expect.stringContaining('"Which colour?"="Blue"') });
    expect((await executor.ask("POST", "/answer", { questionId, answer, by: "person" })).json).toEqual({ answered: false });
  });

  it("asks before it writes where it may not do everything, and not again for what is always allowed", async () => {
    await using here = await setUp({
      go: [
        tool("Write", { file_path: "a.txt", content: "a" }),
        tool("Write", { file_path: "b.txt", content: "b" }),
        tool("Write", { file_path: "c.txt", content: "c" }),
        say("Done."),
      ],
    });
    const { executor, folder } = here;
    const events = await converse(executor, { prompt: "go", permissionMode: "default" }, [
      { kind: "deny", message: "Not that file." },
      { kind: "allow", always: true },
    ]);
    expect(asked(events)).toMatchObject([
      { kind: "permission", toolName: "Write", canBeAlways: true },
      { kind: "permission", toolName: "Write" },
    ]);
    expect(toolResults(events)).toContain("Not that file.");
    await expect(readFile(folder.join("workspace/a.txt"), "utf8")).rejects.toThrow("ENOENT");
    expect(await readFile(folder.join("workspace/b.txt"), "utf8")).toBe("b");
    expect(await readFile(folder.join("workspace/c.txt"), "utf8")).toBe("c");
    // What is always allowed is nothing of the work.
    await expect(readFile(folder.join("workspace/.claude/settings.local.json"), "utf8")).rejects.toThrow("ENOENT");
  });

  it("shows its plan, and does what it may once that is approved", async () => {
    await using here = await setUp({
      go: [tool("EnterPlanMode", {}), tool("ExitPlanMode", {}), bash("echo done > planned.txt"), say("Done.")],
    });
    const { executor, folder } = here;
    // Claude Code writes its plan into a file, and asks without it.
    await mkdir(folder.join("home/.claude/plans"), { recursive: true });
    await writeFile(folder.join("home/.claude/plans/a.md"), "# Plan\n\nWrite it.\n");
    const events = await converse(executor, { prompt: "go" }, [{ kind: "allow", permissionMode: "bypassPermissions" }]);
    expect(asked(events)).toMatchObject([{ kind: "plan", toolName: "ExitPlanMode", input: { plan: "# Plan\n\nWrite it.\n" } }]);
    expect(answered(events)).toEqual([{ by: "person", text: "The plan was approved." }]);
    expect(await readFile(folder.join("workspace/planned.txt"), "utf8")).toBe("done\n");
  });

  it("may do more from the moment on in which it is configured so", async () => {
    await using here = await setUp({
      go: [
        tool("Write", { file_path: "a.txt", content: "a" }),
        tool("Write", { file_path: "b.txt", content: "b" }),
        say("Done with {{model}}."),
      ],
    });
    const { executor } = here;
    const stream = (await executor.stream("POST", "/execute", { prompt: "go", asks: true, permissionMode: "default" }))[
      Symbol.asyncIterator
    ]();
    const [question] = asked(await readUntil(stream, isAsked));
    const change = { permissionMode: "bypassPermissions", model: "claude-haiku-4-5" };
    expect((await executor.ask("POST", "/configure", change)).json).toEqual({ configured: true });
    const { questionId } = question ?? {};
    await executor.ask("POST", "/answer", { questionId, answer: { kind: "allow" }, by: "person" });
    const after = await readUntil(stream, ({ body }) => body.type === "execution_ended");
    expect(asked(after)).toEqual([]);
    expect(outcomeOf(after)).toMatchObject({ kind: "completed", text: expect.stringContaining("haiku") });
  });

  it("is interrupted while it waits for an answer, and says that the question was broken off", async () => {
    await using here = await setUp({ go: [tool("AskUserQuestion", COLOURS), say("Never.")], more: [say("On.")] });
    const { executor } = here;
    const stream = (await executor.stream("POST", "/execute", { prompt: "go", asks: true }))[Symbol.asyncIterator]();
    await readUntil(stream, isAsked);
    await executor.ask("POST", "/interrupt");
    const after = await readUntil(stream, ({ body }) => body.type === "execution_ended");
    expect(answered(after)).toMatchObject([{ by: "nobody" }]);
    expect(outcomeOf(after)).toEqual({ kind: "interrupted" });
    expect(outcomeOf(await execute(executor, { prompt: "more", asks: true }))).toMatchObject({ kind: "completed", text: "On." });
  });

  it("is killed while it waits for an answer: the question is over with it, and the next turn's time goes on", async () => {
    await using here = await setUp({ go: [tool("AskUserQuestion", COLOURS), say("Never.")], more: [bash(wait(1)), say("On.")] });
    const { executor } = here;
    const stream = (await executor.stream("POST", "/execute", { prompt: "go", asks: true }))[Symbol.asyncIterator]();
    const [question] = asked(await readUntil(stream, isAsked));
    process.kill(await agentPid(executor), "SIGKILL");
    const after = await readUntil(stream, ({ body }) => body.type === "execution_ended");
    expect(answered(after)).toEqual([{ by: "nobody", text: "It was broken off before it was answered." }]);
    expect(outcomeOf(after)).toMatchObject({ kind: "failed", code: "agent_exited" });
    const late = { questionId: question?.questionId, answer: { kind: "deny", message: "" }, by: "person" };
    expect((await executor.ask("POST", "/answer", late)).json).toEqual({ answered: false });
    const next = (await executor.stream("POST", "/execute", { prompt: "more", asks: true }))[Symbol.asyncIterator]();
    await readUntil(next, ({ body }) => body.type === "execution_started");
    const { json: begun } = await executor.ask("GET", "/health");
    await new Promise((resolve) => setTimeout(resolve, 100));
    const { json: later } = await executor.ask("GET", "/health");
    expect(Reflect.get(Object(later), "executingMs")).toBeGreaterThan(Reflect.get(Object(begun), "executingMs"));
    expect(outcomeOf(await readUntil(next, ({ body }) => body.type === "execution_ended"))).toMatchObject({ text: "On." });
  });

  it("does not ask where nobody is, and is refused what it would have to ask for", async () => {
    await using here = await setUp({
      go: [tool("AskUserQuestion", COLOURS), tool("Write", { file_path: "a.txt", content: "a" }), say("Done.")],
    });
    const events = await execute(here.executor, { prompt: "go", permissionMode: "default" });
    expect(kinds(events)).not.toContain("question_asked");
    expect(toolResults(events)).toContain("No such tool");
    await expect(readFile(here.folder.join("workspace/a.txt"), "utf8")).rejects.toThrow("ENOENT");
    expect(outcomeOf(events)).toMatchObject({ kind: "completed" });
  });
});

it("refuses at once what is asked beyond what anybody could answer, and breaks off the rest together", async () => {
  const spooled: string[] = [];
  const waiting: boolean[] = [];
  const questions = new Questions({
    append: async ({ body }) => spooled.push(body.type),
    plansFolder: "/nowhere",
    now: () => new Date(0),
    onWaiting: (isWaiting) => waiting.push(isWaiting),
  });
  const ask = (requestId: string) =>
    questions.ask("Bash", { command: "ls" }, { signal: new AbortController().signal, toolUseID: requestId, requestId });
  const open = Array.from({ length: 50 }, (_, at) => ask(`q${at}`));
  expect(await ask("one more")).toMatchObject({ behavior: "deny", message: expect.stringContaining("50 questions are open") });
  await questions.breakOff();
  expect(spooled.filter((type) => type === "question_answered")).toHaveLength(50);
  expect(new Set((await Promise.all(open)).map((result) => result?.behavior))).toEqual(new Set(["deny"]));
  expect(waiting).toEqual([true, false]);
  expect(questions.answer("q1", { answer: { kind: "allow", always: false }, by: "person" })).toBe(false);
  await questions.breakOff();
});

it("takes an answer in the way that its question asks for alone", () => {
  const input = { command: "ls" };
  const rules = [{ type: "addDirectories" as const, directories: ["/x"], destination: "localSettings" as const }];
  const of = (kind: "permission" | "choice" | "plan") => ({ kind, input, suggestions: rules });
  expect(resultOf({ kind: "choose", answers: {} }, of("permission"))).toBeNull();
  expect(resultOf({ kind: "allow", always: false }, of("choice"))).toBeNull();
  expect(resultOf({ kind: "allow", always: true }, of("permission"))).toEqual({
    behavior: "allow",
    updatedInput: input,
    updatedPermissions: [{ type: "addDirectories", directories: ["/x"], destination: "session" }],
  });
  expect(resultOf({ kind: "deny", message: "" }, of("choice"))).toMatchObject({ behavior: "deny" });
});
