import { type AuditRecord, type CheckResult, type Message, RunId } from "@ccr/protocol";
import { describe, expect, test } from "vitest";
import { describeActivity } from "./activity.ts";
import { deriveEntries, emptyTranscript, extendTranscript } from "./derive.ts";
import type { Entry, EntryOf } from "./entry.ts";
import { findEntryPath, flattenEntries } from "./rows.ts";
import { stepState } from "./steps.ts";

const runId = RunId.parse("run_0123456789");
type Body = Extract<Message, { source: "agent" }>["body"];
type Runner = Extract<Message, { source: "runner" }>["body"];

const clock = (seq: number): string => new Date(Date.UTC(2026, 10, 22, 20, 0, seq)).toISOString();

/** Numbers the bodies as the store does. What has a `session_id` or is of Claude Code's kinds comes from the agent. */
const transcriptOf = (...parts: (["agent", Body] | ["runner", Runner])[]): Message[] =>
  parts.map(([source, body], index) => {
    const base = { runId, seq: index + 1, at: clock(index + 1) };
    return source === "agent" ? { ...base, source, body } : { ...base, source, body };
  });

const agent = (body: Body): ["agent", Body] => ["agent", body];
const runner = (body: Runner): ["runner", Runner] => ["runner", body];
const says = (...content: unknown[]) =>
  agent({ type: "assistant", session_id: "s", parent_tool_use_id: null, message: { content } });
const hears = (content: unknown, extra: Record<string, unknown> = {}) =>
  agent({ type: "user", session_id: "s", parent_tool_use_id: null, message: { role: "user", content }, ...extra });
const call = (id: string, name: string, input: unknown) => ({ type: "tool_use", id, name, input });
const answer = (id: string, content: unknown, isError = false) => ({
  type: "tool_result",
  tool_use_id: id,
  content,
  ...(isError ? { is_error: true } : {}),
});
const within = (id: string, part: ["agent", Body]): ["agent", Body] => [part[0], { ...part[1], parent_tool_use_id: id }];

const only = <Kind extends Entry["kind"]>(entries: readonly Entry[], kind: Kind): EntryOf<Kind>[] =>
  entries.filter((entry): entry is EntryOf<Kind> => entry.kind === kind);

const exited = (command: string, exitCode: number): CheckResult => ({
  command,
  outcome: { kind: "exited", exitCode },
  passed: exitCode === 0,
  output: "out",
  outputTruncated: false,
  durationMs: 12,
});

describe("the agent's messages", () => {
  test("text, thinking and calls of one message become entries in order; empty text does not", () => {
    const entries = deriveEntries(
      transcriptOf(
        says(
          { type: "thinking", thinking: "hm" },
          { type: "text", text: "I look." },
          { type: "text", text: " \n" },
          call("t1", "Bash", { command: "ls" }),
        ),
      ),
    );
    expect(entries.map(({ kind, key }) => [kind, key])).toEqual([
      ["thinking", "1"],
      ["text", "1.1"],
      ["tool", "1.3"],
    ]);
  });

  test("a call gets its result, also when others come between; text blocks are joined and images kept apart", () => {
    const [first, second] = only(
      deriveEntries(
        transcriptOf(
          says(call("t1", "Bash", { command: "false" })),
          says(call("t2", "Read", { file_path: "/workspace/a.png" })),
          hears([
            answer("t2", [
              { type: "text", text: "one" },
              { type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } },
              { type: "text", text: "two" },
            ]),
          ]),
          hears([answer("t1", "Exit code 1", true)], { tool_use_result: { stdout: "" } }),
        ),
      ),
      "tool",
    );
    expect(first?.result).toMatchObject({ seq: 4, text: "Exit code 1", isError: true, structured: { stdout: "" } });
    expect(second?.result).toMatchObject({
      seq: 3,
      text: "one\ntwo",
      isError: false,
      images: [{ mediaType: "image/png", base64: "AAAA" }],
    });
  });

  test("what a subagent does stands inside of the call that started it, also two levels deep", () => {
    const entries = deriveEntries(
      transcriptOf(
        says(call("a", "Agent", { description: "Look around", prompt: "Look" })),
        within("a", hears([{ type: "text", text: "Look" }])),
        within("a", says(call("b", "Task", { description: "Deeper" }))),
        says({ type: "text", text: "meanwhile" }),
        within("b", says(call("c", "Bash", { command: "pwd" }))),
        within("b", hears([answer("c", "/workspace")])),
        within("a", hears([answer("b", "done")])),
        hears([answer("a", "all done")]),
      ),
    );
    expect(flattenEntries(entries, () => true).map(({ entry, depth }) => [entry.kind, depth])).toEqual([
      ["tool", 0],
      ["prompt", 1],
      ["tool", 1],
      ["tool", 2],
      ["text", 0],
    ]);
    expect(flattenEntries(entries, () => false)).toHaveLength(2);
    const [outer] = only(entries, "tool");
    expect(outer?.result?.text).toBe("all done");
    const [inner] = only(outer?.children ?? [], "tool");
    expect(only(inner?.children ?? [], "tool")[0]?.result?.text).toBe("/workspace");
  });

  test("broken and unknown messages are kept raw, those of one kind in a row together", () => {
    const entries = deriveEntries(
      transcriptOf(
        agent({ type: "assistant", message: 7 }),
        agent({ type: "novelty", subtype: "x", a: 1 }),
        agent({ type: "novelty", subtype: "x", a: 2 }),
        hears([answer("never-called", "?")]),
        says({ type: "hologram" }),
        agent({ type: "system", subtype: "something_new" }),
        agent({ type: "stream_event" }),
      ),
    );
    expect(only(entries, "unknown").map(({ label, count }) => [label, count])).toEqual([
      ["assistant", 1],
      ["novelty/x", 2],
      ["user/tool_result", 1],
      ["assistant/hologram", 1],
      ["system/something_new", 1],
    ]);
    expect(entries).toHaveLength(5);
  });

  test("a flood of unknown messages is counted in full and kept in part", () => {
    const flood = Array.from({ length: 200 }, () => agent({ type: "novelty" }));
    const [entry] = only(deriveEntries(transcriptOf(...flood)), "unknown");
    expect([entry?.count, entry?.bodies.length]).toEqual([200, 50]);
  });

  test("a result tells its figures, and its error when it is one", () => {
    const [good, bad] = only(
      deriveEntries(
        transcriptOf(
          agent({
            type: "result",
            subtype: "success",
            is_error: false,
            total_cost_usd: 0.5,
            num_turns: 3,
            duration_ms: 900,
            result: "ok",
            usage: { input_tokens: 10, output_tokens: 2 },
          }),
          agent({ type: "result", subtype: "error_max_turns", is_error: true, errors: ["too many"] }),
        ),
      ),
      "result",
    );
    expect(good).toMatchObject({
      ok: true,
      costUsd: 0.5,
      turns: 3,
      durationMs: 900,
      inputTokens: 10,
      outputTokens: 2,
      errors: [],
    });
    expect(bad).toMatchObject({ ok: false, subtype: "error_max_turns", costUsd: null, errors: ["too many"] });
  });

  test("system messages: start, retries, compaction, refusals; noise is left out", () => {
    const entries = deriveEntries(
      transcriptOf(
        agent({ type: "system", subtype: "init", model: "m", claude_code_version: "2", cwd: "/workspace", tools: ["Bash", 1] }),
        agent({
          type: "system",
          subtype: "api_retry",
          attempt: 2,
          max_retries: 10,
          retry_delay_ms: 500,
          error_status: 529,
          error: "overloaded",
        }),
        agent({
          type: "system",
          subtype: "compact_boundary",
          compact_metadata: { trigger: "auto", pre_tokens: 9000, post_tokens: 100 },
        }),
        agent({ type: "system", subtype: "permission_denied", tool_name: "Bash", message: "no" }),
        agent({ type: "system", subtype: "hook_started" }),
        agent({ type: "rate_limit_event", rate_limit_info: { status: "allowed" } }),
        agent({ type: "rate_limit_event", rate_limit_info: { status: "rejected" } }),
      ),
    );
    expect(entries.map(({ kind }) => kind)).toEqual(["init", "retry", "compact", "notice", "notice"]);
    expect(only(entries, "init")[0]?.tools).toEqual(["Bash"]);
    expect(only(entries, "retry")[0]).toMatchObject({ attempt: 2, maxRetries: 10, delayMs: 500, status: 529 });
    expect(only(entries, "notice")[0]?.text).toBe("Bash was not allowed: no");
  });

  test("hostile keys and shapes do no harm", () => {
    const hostile: unknown = JSON.parse('{"__proto__":{"polluted":true},"todos":"x","command":{"a":1}}');
    const entries = deriveEntries(
      transcriptOf(says(call("__proto__", "Bash", hostile)), hears([answer("__proto__", { a: 1 })]), says(null, 5, "text", [])),
    );
    expect(only(entries, "tool")[0]?.result?.text).toBe("");
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
  });
});

describe("the agent's list", () => {
  const todosOf = (...parts: Parameters<typeof transcriptOf>) =>
    extendTranscript(emptyTranscript(), transcriptOf(...parts)).todos;

  test("TodoWrite replaces it, once it worked", () => {
    const write = (id: string, status: string) =>
      says(call(id, "TodoWrite", { todos: [{ content: "a", status, activeForm: "doing a" }] }));
    expect(
      todosOf(write("1", "pending"), hears([answer("1", "ok")]), write("2", "completed"), hears([answer("2", "no", true)])),
    ).toEqual([{ id: "1", text: "a", activeText: "doing a", status: "pending" }]);
  });

  test("TaskCreate and TaskUpdate change it one by one", () => {
    expect(
      todosOf(
        says(call("1", "TaskCreate", { subject: "Read", description: "d" })),
        hears([answer("1", "Task #7 created successfully: Read")]),
        says(call("2", "TaskCreate", { subject: "Write", description: "d" })),
        hears([answer("2", "ok")], { tool_use_result: { task: { id: "8", subject: "Write" } } }),
        says(call("3", "TaskCreate", { subject: "Drop", description: "d" })),
        hears([answer("3", "Task #9 created")]),
        says(call("4", "TaskUpdate", { taskId: "7", status: "completed" })),
        hears([answer("4", "Updated task #7")]),
        says(call("5", "TaskUpdate", { taskId: "9", status: "deleted" })),
        hears([answer("5", "Updated")]),
      ).map(({ id, text, status }) => [id, text, status]),
    ).toEqual([
      ["7", "Read", "completed"],
      ["8", "Write", "pending"],
    ]);
  });
});

describe("our own messages", () => {
  const record = (host: string): AuditRecord => ({
    n: 1,
    at: clock(1),
    runId,
    kind: "connect",
    method: "CONNECT",
    host,
    port: 443,
    path: "",
    decision: "refused",
    rule: "not on the list",
    status: 403,
    bytesUp: 0,
    bytesDown: 0,
    durationMs: 1,
    usage: null,
  });

  test("a stage is one entry from its start to its end, and a second time a new one", () => {
    const stage = (state: "started" | "progress" | "finished" | "failed", text: string) =>
      runner({ type: "stage", stage: "clone", state, text });
    const stages = only(
      deriveEntries(
        transcriptOf(
          stage("started", "Cloning"),
          stage("progress", "50 %"),
          stage("finished", "Cloned"),
          stage("started", "Again"),
        ),
      ),
      "stage",
    );
    expect(stages.map(({ state, text, lines, durationMs }) => [state, text, lines, durationMs])).toEqual([
      ["finished", "Cloned", ["50 %"], 2000],
      ["started", "Again", [], null],
    ]);
  });

  test("a prompt that only repeats the step's instructions is not shown again", () => {
    const prompts = (prompt: string) =>
      only(
        deriveEntries(
          transcriptOf(
            runner({ type: "step_started", stepIndex: 0, attempt: 1, instructions: "Do it" }),
            runner({ type: "execution_started", executionId: "e", prompt }),
            hears([{ type: "text", text: prompt }]),
          ),
        ),
        "prompt",
      ).length;
    expect([prompts("Do it\n"), prompts("Mend it")]).toEqual([0, 1]);
  });

  test("a check is one entry, and tells the step how it went", () => {
    const transcript = extendTranscript(
      emptyTranscript(),
      transcriptOf(
        runner({ type: "step_started", stepIndex: 0, attempt: 1, instructions: "x" }),
        runner({ type: "check_started", stepIndex: 0, attempt: 1, command: "npm test" }),
        runner({ type: "check_finished", stepIndex: 0, attempt: 1, result: exited("npm test", 1) }),
        runner({ type: "check_not_judged", stepIndex: 0, text: "reads well" }),
        runner({ type: "step_finished", stepIndex: 0, attempt: 1, passed: false }),
        runner({ type: "step_started", stepIndex: 0, attempt: 2, instructions: "x" }),
      ),
    );
    expect(only(transcript.entries, "check").map(({ result }) => result?.passed)).toEqual([false]);
    const step = transcript.steps.get(0);
    expect(step?.attempts.map(({ passed, checks }) => [passed, checks.map(({ result }) => result?.passed)])).toEqual([
      [false, [false]],
      [null, []],
    ]);
    expect(step?.notJudged).toEqual(["reads well"]);
    expect([stepState(step, false), stepState(step, true), stepState(undefined, false)]).toEqual([
      "running",
      "stopped",
      "pending",
    ]);
  });

  test("refusals of one host in a row are one entry with a count", () => {
    const refused = (host: string) => runner({ type: "egress_refused", record: record(host) });
    const transcript = extendTranscript(emptyTranscript(), transcriptOf(refused("a.test"), refused("a.test"), refused("b.test")));
    expect(only(transcript.entries, "refused").map(({ record: { host }, count }) => [host, count])).toEqual([
      ["a.test", 2],
      ["b.test", 1],
    ]);
    expect(transcript.refusedCount).toBe(3);
  });

  test("an execution that ended well says nothing; one that failed says why", () => {
    const ended = (outcome: Extract<Runner, { type: "execution_ended" }>["outcome"]) =>
      runner({ type: "execution_ended", executionId: "e", outcome });
    const entries = deriveEntries(
      transcriptOf(ended({ kind: "completed", text: "" }), ended({ kind: "failed", code: "agent_stalled", message: "silent" })),
    );
    expect(entries).toMatchObject([{ kind: "outcome", outcome: { code: "agent_stalled" } }]);
  });
});

describe("what goes on now", () => {
  const activityOf = (...parts: Parameters<typeof transcriptOf>) =>
    describeActivity(extendTranscript(emptyTranscript(), transcriptOf(...parts)).activity);

  test("follows stages, calls, thinking, retries and checks", () => {
    expect(activityOf(runner({ type: "stage", stage: "clone", state: "started", text: "Cloning" }))).toBe("Cloning");
    expect(activityOf(says(call("1", "Bash", { command: "npm test\nls" })))).toBe("Bash: npm test");
    expect(activityOf(says(call("1", "Bash", { command: "ls" })), hears([answer("1", "a")]))).toBe("Claude Code is thinking");
    expect(activityOf(agent({ type: "system", subtype: "api_retry", attempt: 1, max_retries: 10 }))).toContain("1 of 10");
    expect(activityOf(runner({ type: "check_started", stepIndex: 0, attempt: 1, command: "make" }))).toBe("Checking: make");
  });

  test("is nothing once the run has ended, whatever was left open", () => {
    expect(
      activityOf(
        says(call("1", "Bash", { command: "ls" })),
        runner({ type: "status", status: "canceled", sentence: "Canceled." }),
      ),
    ).toBeNull();
  });
});

describe("extending a transcript", () => {
  const many = transcriptOf(
    runner({ type: "step_started", stepIndex: 0, attempt: 1, instructions: "x" }),
    says(call("a", "Agent", { description: "d" })),
    within("a", says(call("b", "Bash", { command: "1" }))),
    says(call("c", "Bash", { command: "2" })),
    within("a", hears([answer("b", "one")])),
    hears([answer("c", "two")]),
    within("a", says({ type: "text", text: "inside" })),
    hears([answer("a", "three")]),
    says({ type: "text", text: "end" }),
  );

  test("gives the same entries however the messages are cut into batches", () => {
    const whole = deriveEntries(many);
    for (let size = 1; size <= many.length; size += 1) {
      let transcript = emptyTranscript();
      for (let from = 0; from < many.length; from += size)
        transcript = extendTranscript(transcript, many.slice(from, from + size));
      expect(transcript.entries).toEqual(whole);
    }
  });

  test("never changes what it gave before, and keeps identical what did not change", () => {
    let transcript = emptyTranscript();
    const given: { entries: readonly Entry[]; copy: string }[] = [];
    for (const message of many) {
      const before = transcript;
      transcript = extendTranscript(transcript, [message]);
      given.push({ entries: transcript.entries, copy: JSON.stringify(transcript.entries) });
      expect(transcript.entries[0] === before.entries[0] || before.entries.length === 0).toBe(true);
    }
    for (const { entries, copy } of given) expect(JSON.stringify(entries)).toBe(copy);
  });

  test("leaves out messages that it has already", () => {
    const once = extendTranscript(emptyTranscript(), many);
    expect(extendTranscript(once, many)).toBe(once);
  });
});

test("finds the entry of a message: its own, the call whose result it is, or the nearest before", () => {
  const entries = deriveEntries(
    transcriptOf(
      says(call("a", "Agent", {})),
      within("a", says({ type: "text", text: "inside" })),
      agent({ type: "stream_event" }),
      hears([answer("a", "done")]),
    ),
  );
  const found = (seq: number) => findEntryPath(entries, seq)?.map(({ key }) => key);
  expect([found(1), found(2), found(3), found(4), found(0)]).toEqual([["1"], ["1", "2"], ["1", "2"], ["1"], undefined]);
});
