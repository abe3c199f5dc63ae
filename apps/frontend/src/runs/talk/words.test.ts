import { InputId, RunId, type RunInput } from "@ccr/protocol";
import { describe, expect, it } from "vitest";
import { answersOf, askedIn, conductAfter, conductWishes, isBeingAnswered, planIn, queuedPrompts, subjectOf } from "./words.ts";

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

describe("how the agent works", () => {
  const input = (n: number, body: RunInput["body"], state: RunInput["state"]): RunInput => ({
    id: InputId.parse(`input_${String(n).padStart(10, "0")}`),
    runId: RunId.parse("run_0000000000"),
    body,
    state,
    revision: 0,
    createdAt: "2026-11-27T10:00:00.000Z",
  });

  it("is as it will be once it was told what waits, the last wish for each thing", () => {
    const { waiting, last } = conductWishes([
      input(1, { kind: "configure", model: "opus" }, "taken"),
      input(2, { kind: "configure", model: "sonnet" }, "queued"),
      input(3, { kind: "prompt", text: "Go on." }, "queued"),
      input(4, { kind: "configure", permissionMode: "plan" }, "queued"),
    ]);
    expect(last).toBe("queued");
    const now = { model: "opus", permissionMode: "default" } as const;
    expect(conductAfter(now, waiting)).toEqual({ model: "sonnet", permissionMode: "plan" });
    expect(conductAfter(now, [...waiting, { model: null }])).toEqual({ model: null, permissionMode: "plan" });
    expect(conductAfter(now, [])).toEqual(now);
    expect(conductWishes([])).toEqual({ waiting: [], last: null });
  });
});
