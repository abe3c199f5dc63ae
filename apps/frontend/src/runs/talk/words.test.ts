import { InputId, RunId, type RunInput } from "@ccr/protocol";
import { describe, expect, it } from "vitest";
import { answersOf, askedIn, isBeingAnswered, planIn, queuedPrompts, subjectOf } from "./words.ts";

const two = askedIn({
  input: {
    questions: [
      { question: "Which?", header: "W", multiSelect: false, options: [{ label: "A", description: "a" }] },
      { question: "What else?", header: "E", multiSelect: true, options: [{ label: "B" }, { label: "C" }] },
    ],
  },
});

describe("a question of its own", () => {
  it("is read with its options, and not at all when it is told in another form", () => {
    expect(two.map(({ isMultiple, options }) => [isMultiple, options.length])).toEqual([
      [false, 1],
      [true, 2],
    ]);
    expect(askedIn({ input: null })).toEqual([]);
    expect(askedIn({ input: { questions: "?" } })).toEqual([]);
  });

  it("is answered when each has an answer, of options or of own words", () => {
    const chosen = new Map([["Which?", { labels: ["A"], other: "" }]]);
    expect(answersOf(two, chosen)).toBeNull();
    chosen.set("What else?", { labels: ["B", "C"], other: " and D " });
    expect(answersOf(two, chosen)).toEqual({ "Which?": "A", "What else?": "B, C, and D" });
  });
});

it("shows a command or a path, else all of the input", () => {
  expect(subjectOf({ input: { command: "ls", description: "x" } })).toBe("ls");
  expect(subjectOf({ input: { query: "x" } })).toBe('{\n  "query": "x"\n}');
  expect(subjectOf({ input: {} })).toBeNull();
  expect(planIn({ input: { plan: "# P" } })).toBe("# P");
  expect(planIn({ input: { plan: "" } })).toBeNull();
});

it("tells what waits from what was told", () => {
  const of = (n: number, change: Partial<RunInput>): RunInput => ({
    id: InputId.parse(`input_000000000${n}`),
    runId: RunId.parse("run_0123456789"),
    body: { kind: "prompt", text: `t${n}` },
    state: "queued",
    revision: 1,
    createdAt: "2026-01-01T00:00:00.000Z",
    ...change,
  });
  const inputs = [
    of(1, { state: "taken" }),
    of(2, {}),
    of(3, { body: { kind: "answer", questionId: "q", answer: { kind: "allow", always: false } } }),
  ];
  expect(queuedPrompts(inputs).map(({ text }) => text)).toEqual(["t2"]);
  expect(isBeingAnswered(inputs, "q")).toBe(true);
  expect(isBeingAnswered(inputs, "p")).toBe(false);
});
