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
const given = (k: number) => ({ id: `toolu_${k}`, at: at(10 + k) });
const checked = [0, 1].map((stepIndex) => {
  const outcome = { kind: "exited", exitCode: 0 };
  const output = `${checkLine(MARK, stepIndex + 1)}\n`;
  const result = { command: "echo", outcome, passed: true, output, outputTruncated: false, durationMs: 1 };
  return runner({ type: "check_finished", stepIndex, attempt: 1, result });
});
const end = runner({ type: "status", status: "succeeded", reason: "passed", sentence: "All is well." });

/** A run of which everything is as it should be, but for what is changed. */
const evidence = ({
  bodies = [stepStarted, ...relayed, ...checked, end],
  ...changed
}: Partial<Evidence> & { bodies?: typeof relayed | object[] }): Evidence => {
  const stored = transcript(bodies.map((body) => ({ source: "", body: null, at: "", ...body })));
  return {
    mark: MARK,
    calls: CALLS,
    run: { status: "succeeded", reason: "passed", sentence: "All is well.", lastSeq: stored.length },
    stored,
    spools: [{ instanceId: "inst_1", events: relayed, problems: [] }],
    resultsGiven: [1, 2, 3].map(given),
    patch: workLines(MARK, { calls: CALLS })
      .map((line) => `+${line}`)
      .join("\n"),
    watchers: [{ name: "steady", seen: stored }],
    faultsAt: [],
    ...changed,
  };
};
const kinds = (changed: Parameters<typeof evidence>[0]): Kind[] => [...new Set(judge(evidence(changed)).map(({ kind }) => kind))];

it("finds nothing wrong with a run of which all is as it should be", () => {
  expect(judge(evidence({}))).toEqual([]);
});

it("compares events by what they say, whatever the order of their keys", () => {
  const turned = relayed.map(({ body, ...rest }) => ({ body: Object.fromEntries(Object.entries(body).reverse()), ...rest }));
  expect(kinds({ bodies: [stepStarted, ...turned, ...checked, end] })).toEqual([]);
});

describe("finds", () => {
  const without = (index: number) => [stepStarted, ...relayed.toSpliced(index, 1), ...checked, end];

  it("an event that is not stored, and the tool result in it", () => {
    expect(kinds({ bodies: without(1) })).toEqual(["message_lost"]);
    expect(kinds({ bodies: without(2) })).toEqual(["message_lost", "tool_result_lost"]);
    expect(kinds({ resultsGiven: [given(1), given(9)] })).toEqual(["tool_result_lost"]);
    const faultAt = Date.parse(given(9).at);
    expect(kinds({ resultsGiven: [given(9)], faultsAt: [faultAt + 200] })).toEqual([]);
    expect(kinds({ resultsGiven: [given(9)], faultsAt: [faultAt + 400, faultAt - 400] })).toEqual(["tool_result_lost"]);
  });

  it("an event that is stored twice, and one that the runner told twice", () => {
    const [, second] = relayed;
    expect(kinds({ bodies: [stepStarted, ...relayed, ...checked, second ?? {}, end] })).toEqual(["message_doubled"]);
    expect(kinds({ bodies: [stepStarted, ...relayed, ...checked, { ...stepStarted, at: at(41) }, end] })).toEqual([
      "runner_doubled",
    ]);
  });

  it("events in another order, and a message of an agent that no spool held", () => {
    const [first = stepStarted, second = stepStarted, ...rest] = relayed;
    expect(kinds({ bodies: [stepStarted, second, first, ...rest, ...checked, end] })).toEqual(["message_disordered"]);
    expect(kinds({ bodies: [stepStarted, ...relayed, ...checked, { source: "agent", at: at(50), body: call(9) }, end] })).toEqual(
      ["message_unwitnessed"],
    );
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
    expect(kinds({ bodies: [stepStarted, ...relayed, ...checked] })).toEqual(["status_wrong"]);
    expect(kinds({ bodies: [stepStarted, ...relayed, ...checked, end, { ...end, at: at(42) }] })).toEqual(["status_wrong"]);
    const lost = runner({ type: "status", status: "errored", reason: "sandbox_lost", sentence: "Lost." });
    expect(kinds({ bodies: [stepStarted, ...relayed, ...checked, lost, end] })).toEqual(["status_wrong"]);
    expect(kinds({ bodies: [stepStarted, ...relayed, ...checked, end, runner({ type: "note", text: "More." })] })).toEqual([
      "status_wrong",
    ]);
  });

  it("work that is not there, and work that was done more often than faults explain", () => {
    const { patch } = evidence({});
    expect(kinds({ patch: patch.replace(`+${MARK}-2-2\n`, "") })).toEqual(["work_lost"]);
    expect(kinds({ bodies: [stepStarted, ...relayed, ...checked.slice(1), end] })).toEqual(["work_lost"]);
    const again = `${patch}\n+${MARK}-1-1`;
    expect(kinds({ patch: again })).toEqual(["work_doubled"]);
    expect(kinds({ patch: again, faultsAt: [1] })).toEqual([]);
    const twice = [...checked, ...checked.map((message) => ({ ...message, at: at(41) }))];
    expect(kinds({ bodies: [stepStarted, ...relayed, ...twice, end] })).toEqual(["runner_doubled", "work_doubled"]);
    const resumed = runner({ type: "resumed", after: "sandbox", text: "Again." });
    expect(kinds({ bodies: [stepStarted, ...relayed, resumed, ...twice, end], faultsAt: [1] })).toEqual([]);
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
