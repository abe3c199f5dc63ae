import type { Message, Question, Run } from "@ccr/protocol";
import { createGitRepository, waitFor } from "@ccr/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { driversUnderTest } from "./src/drivers.ts";
import { itOnce } from "./src/once.ts";
import { COLOURS } from "./src/scripted.ts";
import { allMessages, type Server } from "./src/server.ts";
import { type Stack, startStack } from "./src/stack.ts";

const bash = (command: string) => ({ type: "tool_use", name: "Bash", input: { command, description: "Work" } });
const say = (text: string) => ({ blocks: [{ type: "text", text }] });
const tool = (name: string, input: Record<string, unknown>) => ({ blocks: [{ type: "tool_use", name, input }] });

const scenario = {
  name: "talk",
  rules: [
    { match: { contains: "ADD green" }, turns: [{ blocks: [bash("echo green >> colours.txt")] }, say("Green is there.")] },
    { match: { contains: "ADD red" }, turns: [{ blocks: [bash("echo red >> colours.txt")] }, say("Red is there.")] },
    { match: { contains: "REPAIR" }, turns: [{ blocks: [bash("echo repaired > repaired.txt")] }, say("Repaired.")] },
    {
      match: { contains: "ASK" },
      turns: [
        tool("AskUserQuestion", COLOURS),
        { blocks: [bash("echo {{lastToolResult}} | tr -d '\"' > answer.txt")] },
        say("Asked."),
      ],
    },
    {
      match: { contains: "WRITE" },
      turns: [tool("Write", { file_path: "/workspace/a.txt", content: "a" }), say("Written by {{model}}.")],
    },
    {
      match: { contains: "PLAN" },
      turns: [tool("ExitPlanMode", { plan: "# The plan" }), { blocks: [bash("echo planned > planned.txt")] }, say("Planned.")],
    },
    {
      match: { contains: "SLOW" },
      turns: [
        { blocks: [bash("for n in 1 2 3 4 5 6; do timeout 0.5 tail -f /dev/null; done; echo slow >> colours.txt")] },
        say("Slow is done."),
      ],
    },
    { match: { contains: "ENDLESS" }, turns: [{ blocks: [bash("echo tick; timeout 0.3 tail -f /dev/null")], repeat: 500 }] },
  ],
};

describe.each(await driversUnderTest())("talking to a run on %s", (driver) => {
  const once = itOnce(driver);
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ driver, scenario });
  });
  afterAll(() => stack?.[Symbol.asyncDispose]());

  const launch = async (
    name: string,
    options: { instructions: string; checks?: string } & Partial<
      Parameters<Stack["server"]["client"]["runs"]["create"]["mutate"]>[0]
    >,
  ): Promise<Run["id"]> => {
    const { instructions, checks = "", ...more } = options;
    const repository = await createGitRepository({ path: `${stack.repositories}/${name}`, files: { "README.md": "# x\n" } });
    const { client } = stack.server;
    const task = await client.tasks.create.mutate({ name, steps: [{ instructions, checks }], allowNoChanges: true });
    const { id } = await client.runs.create.mutate({ taskId: task.id, repository: repository.path, ...more });
    return id;
  };
  const untilRun = (id: Run["id"], what: string, holds: (run: Run) => boolean) =>
    waitFor(
      async () => {
        const run = await stack.server.client.runs.byId.query({ id });
        return holds(run) && run;
      },
      { what, timeoutMs: 60_000, intervalMs: 50 },
    );
  const untilAsked = async (id: Run["id"], kind: Question["kind"]): Promise<Question> => {
    const run = await untilRun(
      id,
      `a question (${kind})`,
      ({ status, questions }) => status === "waiting" && questions[0]?.kind === kind,
    );
    const [question] = run.questions;
    if (question === undefined) throw new Error("there is no question");
    return question;
  };
  const untilSaid = (id: Run["id"], text: string) =>
    waitFor(async () => (await allMessages(stack.server.client, id)).some(({ body }) => JSON.stringify(body).includes(text)), {
      what: `'${text}' in the transcript`,
      timeoutMs: 60_000,
      intervalMs: 50,
    });
  const told = (messages: readonly Message[]) => messages.flatMap(({ source, body }) => (source === "runner" ? [body] : []));
  const fileOf = async (id: Run["id"], path: string): Promise<string> => {
    const { patch } = await stack.server.client.runs.diff.query({ id });
    return patch.split("diff --git ").find((part) => part.includes(` b/${path}\n`)) ?? "";
  };

  it("tells the agent what was said while it worked, before its work is checked", async () => {
    const { client } = stack.server;
    const id = await launch("queued", { instructions: "SLOW", checks: "$ grep -q red colours.txt && grep -q green colours.txt" });
    await untilSaid(id, "for n in 1 2");
    const first = await client.talk.say.mutate({ id, text: "ADD something", idempotencyKey: "one" });
    expect(await client.talk.say.mutate({ id, text: "ADD something", idempotencyKey: "one" })).toEqual(first);
    if (first.kind !== "queued") throw new Error("it is not queued");
    const { id: inputId, revision } = first.input;
    const edited = await client.talk.edit.mutate({ id, inputId, revision, text: "ADD red" });
    await expect(client.talk.edit.mutate({ id, inputId, revision, text: "ADD blue" })).rejects.toThrow("somebody else");
    const second = await client.talk.say.mutate({ id, text: "ADD nothing" });
    const third = await client.talk.say.mutate({ id, text: "ADD green" });
    if (second.kind !== "queued" || third.kind !== "queued") throw new Error("it is not queued");
    await client.talk.withdraw.mutate({ id, inputId: second.input.id });
    await client.talk.withdraw.mutate({ id, inputId: third.input.id });
    expect((await client.talk.list.query({ id })).map(({ state }) => state)).toEqual(["queued", "withdrawn", "withdrawn"]);
    expect(edited.revision).toBe(2);
    await untilSaid(id, "Red is there.");
    // Its work does not pass as it is, and what is said then gets another attempt, however many it had.
    await client.talk.say.mutate({ id, text: "ADD green" });
    const run = await stack.server.untilFinal(id);
    expect(run).toMatchObject({ status: "succeeded", reason: "passed" });
    const bodies = told(await allMessages(client, id));
    expect(bodies.flatMap((body) => (body.type === "said" ? [body.text] : []))).toEqual(["ADD red", "ADD green"]);
    expect((await client.talk.list.query({ id })).map(({ state }) => state)).toEqual([
      "taken",
      "withdrawn",
      "withdrawn",
      "taken",
    ]);
    await expect(client.talk.withdraw.mutate({ id, inputId })).rejects.toThrow("told this already");
  });

  it("breaks off what the agent does, and tells it at once what was said", async () => {
    const { client } = stack.server;
    const id = await launch("now", { instructions: "ENDLESS" });
    await untilSaid(id, "tick");
    await client.talk.say.mutate({ id, text: "ADD red", now: true });
    const run = await stack.server.untilFinal(id);
    expect(run).toMatchObject({ status: "succeeded" });
    expect(await fileOf(id, "colours.txt")).toContain("+red");
    expect(told(await allMessages(client, id)).map(({ type }) => type)).toContain("interrupted");
  });

  once("waits to be told something when it was interrupted without a word", async () => {
    const { client } = stack.server;
    const id = await launch("held", { instructions: "ENDLESS" });
    await untilSaid(id, "tick");
    await client.talk.interrupt.mutate({ id });
    const question = await untilAsked(id, "interrupted");
    await expect(client.talk.answer.mutate({ id, questionId: question.questionId, answer: { kind: "allow" } })).rejects.toThrow(
      "talk.say",
    );
    await client.talk.say.mutate({ id, text: "ADD green" });
    expect(await stack.server.untilFinal(id)).toMatchObject({ status: "succeeded", questions: [] });
    expect(await fileOf(id, "colours.txt")).toContain("+green");
  });

  once("goes on by itself when nobody says what to do instead, and when nobody answers", async () => {
    const { client } = stack.server;
    const limits = { answerSeconds: 10, timeSeconds: 60 };
    const id = await launch("nobody", { instructions: "ASK", limits });
    const asked = await untilAsked(id, "choice");
    expect(asked.input).toEqual(COLOURS);
    const run = await stack.server.untilFinal(id);
    expect(run).toMatchObject({ status: "succeeded" });
    expect(await fileOf(id, "answer.txt")).toContain("Nobody answered within 10 seconds");
    const answers = told(await allMessages(client, id)).filter(({ type }) => type === "question_answered");
    expect(answers).toMatchObject([{ by: "nobody" }]);
  });

  once("goes on with the answer of a person to its question", async () => {
    const { client } = stack.server;
    const id = await launch("asked", { instructions: "ASK" });
    const { questionId } = await untilAsked(id, "choice");
    const waiting = await client.runs.byId.query({ id });
    expect(waiting.outcome).toMatchObject({ name: "waiting" });
    expect((await client.runs.list.query({ status: ["waiting"] })).map((each) => each.id)).toContain(id);
    await expect(client.talk.answer.mutate({ id, questionId, answer: { kind: "allow" } })).rejects.toThrow("choose");
    await client.talk.answer.mutate({ id, questionId, answer: { kind: "choose", answers: { "Which colour?": "Blue" } } });
    const run = await stack.server.untilFinal(id);
    expect(run).toMatchObject({ status: "succeeded", questions: [] });
    expect(await fileOf(id, "answer.txt")).toContain("Which colour?=Blue");
    await expect(client.talk.answer.mutate({ id, questionId, answer: { kind: "deny" } })).rejects.toThrow("asked any more");
  });

  once("asks before it writes where it may not do everything, and learns in the middle of it that it may", async () => {
    const { client } = stack.server;
    const id = await launch("permission", { instructions: "WRITE", permissionMode: "default", checks: "$ test -f a.txt" });
    const question = await untilAsked(id, "permission");
    expect(question).toMatchObject({ toolName: "Write" });
    await client.talk.configure.mutate({ id, permissionMode: "bypassPermissions", model: "claude-haiku-4-5" });
    await waitFor(async () => (await client.runs.byId.query({ id })).model === "claude-haiku-4-5", { what: "the model" });
    await client.talk.answer.mutate({ id, questionId: question.questionId, answer: { kind: "allow" } });
    expect(await stack.server.untilFinal(id)).toMatchObject({ status: "succeeded", permissionMode: "bypassPermissions" });
    expect(JSON.stringify(await allMessages(client, id))).toContain("Written by claude-haiku");
  });

  once("makes a plan first where it may do no more, and does it once that is approved", async () => {
    const { client } = stack.server;
    const id = await launch("plan", { instructions: "PLAN", permissionMode: "plan", checks: "$ test -f planned.txt" });
    const { questionId, kind } = await untilAsked(id, "plan");
    expect(kind).toBe("plan");
    await client.talk.answer.mutate({ id, questionId, answer: { kind: "allow", permissionMode: "bypassPermissions" } });
    expect(await stack.server.untilFinal(id)).toMatchObject({ status: "succeeded" });
  });

  once("does not ask where it was launched so, and never in a batch", async () => {
    const id = await launch("never", { instructions: "ASK", asks: false });
    expect(await stack.server.untilFinal(id)).toMatchObject({ status: "succeeded" });
    expect(told(await allMessages(stack.server.client, id)).map(({ type }) => type)).not.toContain("question_asked");
  });

  once("is canceled while it waits, and takes no answer any more", async () => {
    const { client } = stack.server;
    const id = await launch("canceled", { instructions: "ASK" });
    const { questionId } = await untilAsked(id, "choice");
    await client.talk.say.mutate({ id, text: "ADD red" });
    await client.runs.cancel.mutate({ id });
    expect(await stack.server.untilFinal(id)).toMatchObject({ status: "canceled" });
    // What nobody was told is not lost: it can be said to a run that goes on from this one.
    expect(await client.talk.list.query({ id })).toMatchObject([{ body: { kind: "prompt", text: "ADD red" }, state: "late" }]);
    await expect(client.talk.interrupt.mutate({ id })).rejects.toThrow("canceled");
    await expect(client.talk.configure.mutate({ id, model: null })).rejects.toThrow("has ended");
    await expect(client.talk.answer.mutate({ id, questionId, answer: { kind: "deny" } })).rejects.toThrow();
  });

  it("loses nothing that was said, and asks nothing twice, when its server is killed", async () => {
    await using own = await startStack({ driver, scenario });
    const repository = await createGitRepository({ path: `${own.repositories}/killed`, files: { "README.md": "# x\n" } });
    const launchOn = async (server: Server, instructions: string, checks: string): Promise<Run["id"]> => {
      const task = await server.client.tasks.create.mutate({
        name: "T",
        steps: [{ instructions, checks }],
        allowNoChanges: true,
      });
      return (await server.client.runs.create.mutate({ taskId: task.id, repository: repository.path })).id;
    };
    const until = (server: Server, id: Run["id"], what: string, holds: (run: Run) => boolean) =>
      waitFor(async () => holds(await server.client.runs.byId.query({ id })), { what, timeoutMs: 60_000, intervalMs: 50 });
    const first = own.server;
    const asking = await launchOn(first, "ASK", "");
    const working = await launchOn(first, "ENDLESS", "$ grep -q green colours.txt");
    const held = await launchOn(first, "ENDLESS", "$ grep -q red colours.txt");
    await until(first, asking, "a question", ({ questions }) => questions.length === 1);
    for (const id of [working, held])
      await waitFor(async () => JSON.stringify(await allMessages(first.client, id)).includes("tick"), { what: "its work" });
    await first.client.talk.interrupt.mutate({ id: held });
    await until(first, held, "the interruption", ({ status }) => status === "waiting");
    await first.client.talk.say.mutate({ id: working, text: "ADD green", now: true });
    first.process.kill("SIGKILL");
    await first.stop();
    await using second = await own.restart();
    await until(
      second,
      asking,
      "the question to be there still",
      ({ status, questions }) => status === "waiting" && questions.length === 1,
    );
    const { questions } = await second.client.runs.byId.query({ id: asking });
    const questionId = questions[0]?.questionId ?? "";
    await second.client.talk.answer.mutate({
      id: asking,
      questionId,
      answer: { kind: "choose", answers: { "Which colour?": "Red" } },
    });
    await second.client.talk.say.mutate({ id: held, text: "ADD red" });
    for (const id of [asking, working, held]) expect(await second.untilFinal(id)).toMatchObject({ status: "succeeded" });
    const said = async (id: Run["id"]) => told(await allMessages(second.client, id));
    expect((await said(working)).flatMap((body) => (body.type === "said" ? [body.text] : []))).toEqual(["ADD green"]);
    for (const id of [working, held]) expect((await said(id)).filter(({ type }) => type === "interrupted")).toHaveLength(1);
    expect((await said(asking)).filter(({ type }) => type === "question_asked")).toHaveLength(1);
  });
});
