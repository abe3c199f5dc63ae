import { describe, expect, test } from "vitest";
import { describeActivity } from "./activity.ts";
import { deriveEntries, emptyTranscript, extendTranscript } from "./derive.ts";
import { findEntryPath, flattenEntries } from "./rows.ts";
import { agent, answer, call, hears, only, runner, says, transcriptOf } from "./sample-messages.ts";

type Part = Parameters<typeof transcriptOf>[number];

const of = { stepIndex: 0, attempt: 1 };
const starts = runner({ type: "judge_started", ...of, text: "It reads well." });
const ends = runner({ type: "judge_finished", ...of, verdict: { passed: true, evidence: "a.ts, line 1" }, problem: null });
const given = runner({ type: "execution_started", executionId: "run-0-1-judge0", prompt: "Judge this." });
const checkout = runner({ type: "stage", stage: "checkout", state: "started", text: "Checking out" });
const init = (session: string) =>
  agent({ type: "system", subtype: "init", session_id: session, model: "m", claude_code_version: "2", cwd: "/w", tools: [] });
const result = (session: string, sum: number) =>
  agent({ type: "result", subtype: "success", session_id: session, num_turns: 1, total_cost_usd: sum });
const looks: readonly Part[] = [
  checkout,
  given,
  init("judge"),
  hears([{ type: "text", text: "Judge this." }]),
  says({ type: "text", text: "I look." }, call("j1", "Read", { file_path: "/workspace/a.ts" })),
  hears([answer("j1", "code")]),
  result("judge", 0.25),
  runner({ type: "execution_ended", executionId: "run-0-1-judge0", outcome: { kind: "completed", text: "" } }),
];

describe("a judge", () => {
  test("is one entry with what it says inside, and its prompt is no person's", () => {
    const entries = deriveEntries(transcriptOf(starts, ...looks, ends, says({ type: "text", text: "The agent again." })));
    expect(entries.map(({ kind }) => kind)).toEqual(["judge", "text"]);
    const [judge] = only(entries, "judge");
    expect(judge).toMatchObject({ text: "It reads well.", end: { verdict: { passed: true, evidence: "a.ts, line 1" } } });
    expect(judge?.children.map(({ kind }) => kind)).toEqual(["stage", "prompt", "init", "text", "tool", "result"]);
    expect(only(judge?.children ?? [], "tool")[0]?.result?.text).toBe("code");
    expect(flattenEntries(entries, () => false).map(({ by }) => by)).toEqual(["agent", "agent"]);
    expect(flattenEntries(entries, () => true).map(({ isOver }) => isOver)).toEqual([false, ...Array(6).fill(true), false]);
    expect(flattenEntries(entries, () => true).map(({ by, depth }) => `${by} ${depth}`)).toEqual([
      "agent 0",
      ...Array.from({ length: 6 }, () => "judge 1"),
      "agent 0",
    ]);
  });

  test("does not mix its figures, its start and its list with the agent's", () => {
    const transcript = extendTranscript(
      emptyTranscript(),
      transcriptOf(
        init("agent"),
        says(call("t1", "TodoWrite", { todos: [{ content: "mine", status: "pending" }] })),
        hears([answer("t1", "ok")]),
        result("agent", 1),
        starts,
        ...looks.slice(0, -2),
        says(call("j2", "TodoWrite", { todos: [] })),
        hears([answer("j2", "ok")]),
        ...looks.slice(-2),
        ends,
        init("agent"),
        result("agent", 1.5),
      ),
    );
    expect(transcript.entries.map(({ kind }) => kind)).toEqual(["init", "tool", "result", "judge", "result"]);
    expect(only(transcript.entries, "result").map(({ costUsd }) => costUsd)).toEqual([1, 0.5]);
    expect(transcript.todos.map(({ text }) => text)).toEqual(["mine"]);
  });

  test("that has no verdict says why; a second one is the same entry", () => {
    const none = runner({ type: "judge_finished", ...of, verdict: null, problem: "It ended without a verdict." });
    const entries = deriveEntries(transcriptOf(starts, ...looks, ...looks.slice(1), none));
    expect(entries).toMatchObject([{ kind: "judge", end: { verdict: null, problem: "It ended without a verdict." } }]);
    expect(only(entries, "judge")[0]?.children).toHaveLength(11);
  });

  test("of the next attempt is another entry", () => {
    const entries = deriveEntries(
      transcriptOf(
        starts,
        ends,
        runner({ type: "step_finished", ...of, passed: false }),
        runner({ type: "step_started", stepIndex: 0, attempt: 2, instructions: "x" }),
        runner({ type: "judge_started", stepIndex: 0, attempt: 2, text: "It reads well." }),
      ),
    );
    expect(only(entries, "judge").map(({ attempt, end }) => [attempt, end === null])).toEqual([
      [1, false],
      [2, true],
    ]);
  });

  test("that was cut off hides nothing of what comes after it", () => {
    const entries = deriveEntries(
      transcriptOf(
        starts,
        ...looks.slice(0, 3),
        runner({ type: "stage", stage: "results", state: "started", text: "Saving" }),
        says({ type: "text", text: "late" }),
        runner({ type: "status", status: "canceled", reason: "canceled", sentence: "Canceled." }),
      ),
    );
    expect(entries.map(({ kind }) => kind)).toEqual(["judge", "stage", "text", "status"]);
  });

  test("is known by what the server says alone: an agent cannot hide in one", () => {
    expect(deriveEntries(transcriptOf(given, says({ type: "text", text: "x" }))).map(({ kind }) => kind)).toEqual([
      "prompt",
      "text",
    ]);
  });

  test("is what goes on, with what it does", () => {
    const activityOf = (...parts: Part[]) =>
      describeActivity(extendTranscript(emptyTranscript(), transcriptOf(...parts)).activity);
    expect(activityOf(starts)).toBe("A judge looks at the checks in prose");
    expect(activityOf(starts, given, says(call("j1", "Read", { file_path: "/workspace/a.ts" })))).toBe(
      "A judge looks at the checks in prose: Read a.ts",
    );
    expect(activityOf(starts, ...looks, ends)).toBeNull();
  });

  test("is found by its first message, its last, and those between", () => {
    const entries = deriveEntries(transcriptOf(starts, ...looks, ends));
    const found = (seq: number) => findEntryPath(entries, seq)?.map(({ key }) => key);
    expect([found(1), found(6), found(10)]).toEqual([["1"], ["1", "6"], ["1"]]);
  });
});
