import { Message, RunId } from "@ccr/protocol";
import { describe, expect, it } from "vitest";
import type { Kind } from "./findings.ts";
import { checkLine, workLines } from "./script.ts";
import { type Evidence, judge } from "./verdict.ts";

const MARK = "s1r1";
const CALLS = 3;
const runId = RunId.parse("run_01m82wmt3cwec4bzrfsc98jzy4");
const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 12, 0, second)).toISOString();
const call = (k: number) => ({ type: "assistant", message: { content: [{ type: "tool_use", id: `toolu_${k}`, name: "Bash" }] } });
const result = (k: number) => ({ type: "user", message: { content: [{ type: "tool_result", tool_use_id: `toolu_${k}` }] } });

const relayed = [
  { source: "runner", body: { type: "execution_started", executionId: "e1", prompt: "Go" } },
  ...[1, 2, 3].flatMap((k) => [
    { source: "agent", body: call(k) },
    { source: "agent", body: result(k) },
  ]),
  { source: "runner", body: { type: "execution_ended", executionId: "e1", outcome: { kind: "completed", text: "" } } },
].map((event, index) => ({ ...event, at: at(index), seq: index + 1 }));

const transcript = (bodies: { source: string; body: unknown; at: string }[]): Message[] =>
  bodies.map(({ source, body, at: when }, index) => Message.parse({ runId, seq: index + 1, at: when, source, body }));
const runner = (body: unknown) => ({ source: "runner", body, at: at(40) });
const stepStarted = runner({ type: "step_started", stepIndex: 0, attempt: 1, instructions: "Go" });
const end = runner({ type: "status", status: "succeeded", reason: "passed", sentence: "All is well." });

/** A run of which everything is as it should be, but for what is changed. */
const evidence = ({
  bodies = [stepStarted, ...relayed, end],
  ...changed
}: Partial<Evidence> & { bodies?: typeof relayed | object[] }): Evidence => {
  const stored = transcript(bodies.map((body) => ({ source: "", body: null, at: "", ...body })));
  return {
    mark: MARK,
    calls: CALLS,
    run: { status: "succeeded", reason: "passed", sentence: "All is well.", lastSeq: stored.length },
    stored,
    spools: [{ instanceId: "inst_1", events: relayed, problems: [] }],
    resultsGiven: ["toolu_1", "toolu_2", "toolu_3", "toolu_3"],
    patch: [...workLines(MARK, { calls: CALLS }), checkLine(MARK, 1), checkLine(MARK, 2)].map((line) => `+${line}`).join("\n"),
    watchers: [{ name: "steady", seen: stored }],
    faults: 0,
    ...changed,
  };
};
const kinds = (changed: Parameters<typeof evidence>[0]): Kind[] => [...new Set(judge(evidence(changed)).map(({ kind }) => kind))];

it("finds nothing wrong with a run of which all is as it should be", () => {
  expect(judge(evidence({}))).toEqual([]);
});

it("compares events by what they say, whatever the order of their keys", () => {
  const turned = relayed.map(({ body, ...rest }) => ({ body: Object.fromEntries(Object.entries(body).reverse()), ...rest }));
  expect(kinds({ bodies: [stepStarted, ...turned, end] })).toEqual([]);
});

describe("finds", () => {
  const without = (index: number) => [stepStarted, ...relayed.toSpliced(index, 1), end];

  it("an event that is not stored, and the tool result in it", () => {
    expect(kinds({ bodies: without(1) })).toEqual(["message_lost"]);
    expect(kinds({ bodies: without(2) })).toEqual(["message_lost", "tool_result_lost"]);
    expect(kinds({ resultsGiven: ["toolu_1", "toolu_9"] })).toEqual(["tool_result_lost"]);
  });

  it("an event that is stored twice, and one that the runner told twice", () => {
    const [, second] = relayed;
    expect(kinds({ bodies: [stepStarted, ...relayed, second ?? {}, end] })).toEqual(["message_doubled"]);
    expect(kinds({ bodies: [stepStarted, ...relayed, { ...stepStarted, at: at(41) }, end] })).toEqual(["runner_doubled"]);
  });

  it("events in another order, and a message of an agent that no spool held", () => {
    const [first = stepStarted, second = stepStarted, ...rest] = relayed;
    expect(kinds({ bodies: [stepStarted, second, first, ...rest, end] })).toEqual(["message_disordered"]);
    expect(kinds({ bodies: [stepStarted, ...relayed, { source: "agent", at: at(50), body: call(9) }, end] })).toEqual([
      "message_unwitnessed",
    ]);
  });

  it("numbers with a gap", () => {
    const { stored } = evidence({});
    const gap = stored.map((message, index) => (index < 3 ? message : { ...message, seq: message.seq + 1 }));
    expect(kinds({ stored: gap, watchers: [], run: { ...evidence({}).run, lastSeq: gap.length } })).toContain("numbering");
    expect(kinds({ run: { ...evidence({}).run, lastSeq: 2 } })).toEqual(["numbering"]);
  });

  it("a wrong outcome, and a run that goes on for ever", () => {
    const failed = runner({ type: "status", status: "errored", reason: "sandbox_lost", sentence: "Lost." });
    const run = { status: "errored", reason: "sandbox_lost", sentence: "Lost.", lastSeq: relayed.length + 2 } as const;
    expect(kinds({ run, bodies: [stepStarted, ...relayed, failed] })).toEqual(["wrong_outcome"]);
    expect(kinds({ run, bodies: [stepStarted, ...relayed, failed], expected: ["errored"] })).toEqual([]);
    expect(kinds({ run: { ...run, status: "running", lastSeq: relayed.length + 1 }, bodies: [stepStarted, ...relayed] })).toEqual(
      ["never_ended"],
    );
  });

  it("no final status message, two of them, two that differ, and one that is not the last", () => {
    expect(kinds({ bodies: [stepStarted, ...relayed] })).toEqual(["status_wrong"]);
    expect(kinds({ bodies: [stepStarted, ...relayed, end, { ...end, at: at(42) }] })).toEqual(["status_wrong"]);
    const lost = runner({ type: "status", status: "errored", reason: "sandbox_lost", sentence: "Lost." });
    expect(kinds({ bodies: [stepStarted, ...relayed, lost, end] })).toEqual(["status_wrong"]);
    expect(kinds({ bodies: [stepStarted, ...relayed, end, runner({ type: "note", text: "More." })] })).toEqual(["status_wrong"]);
  });

  it("work that is not there, and work that was done more often than faults explain", () => {
    const { patch } = evidence({});
    expect(kinds({ patch: patch.replace(`+${MARK}-2-2\n`, "") })).toEqual(["work_lost"]);
    expect(kinds({ patch: patch.replace(`+${checkLine(MARK, 2)}`, "") })).toEqual(["work_lost"]);
    const again = `${patch}\n+${MARK}-1-1`;
    expect(kinds({ patch: again })).toEqual(["work_doubled"]);
    expect(kinds({ patch: again, faults: 1 })).toEqual([]);
    expect(kinds({ patch: `${patch}\n+${checkLine(MARK, 1)}` })).toEqual(["work_doubled"]);
  });

  it("a subscriber who missed something, saw it twice or saw something else", () => {
    const { stored } = evidence({});
    const [first] = stored;
    for (const seen of [
      stored.slice(0, -1),
      stored.toSpliced(2, 1),
      [...stored.slice(0, 1), ...stored],
      [...stored.slice(1), ...(first ? [first] : [])],
    ])
      expect(
        kinds({
          watchers: [
            { name: "steady", seen: stored },
            { name: "fickle", seen },
          ],
        }),
      ).toEqual(["subscriber_differs"]);
  });

  it("a spool that is damaged or lacks an event", () => {
    expect(kinds({ spools: [{ instanceId: "inst_1", events: relayed, problems: ["it shrank"] }] })).toEqual(["spool_damaged"]);
    expect(kinds({ spools: [{ instanceId: "inst_1", events: relayed.toSpliced(0, 1), problems: [] }] })).toEqual([
      "spool_damaged",
    ]);
  });
});
