import type { AuditRecord } from "@ccr/protocol";
import { describe, expect, test } from "vitest";
import { deriveEntries, emptyTranscript, extendTranscript } from "./derive.ts";
import { clock, exited, hears, only, type Runner, runId, runner, transcriptOf } from "./sample-messages.ts";

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

  test("what a set-up prints is put together, and stands with its stage, each time with its own", () => {
    const stage = (state: "started" | "failed", text: string) => runner({ type: "stage", stage: "setup", state, text });
    const printed = (text: string) => runner({ type: "setup_output", text });
    const stages = only(
      deriveEntries(
        transcriptOf(
          stage("started", "Setting up"),
          printed("one\ntw"),
          printed("o\n"),
          stage("failed", "It exited with code 3."),
          stage("started", "Again"),
          printed("three\n"),
        ),
      ),
      "stage",
    );
    expect(stages.map(({ state, output }) => [state, output])).toEqual([
      ["failed", "one\ntwo\n"],
      ["started", "three\n"],
    ]);
  });

  test("why a stage failed is told once: by the end of the run where that tells it, else by the stage", () => {
    const told = (sentence: string) =>
      only(
        deriveEntries(
          transcriptOf(
            runner({ type: "stage", stage: "mirror", state: "started", text: "Fetching a/b." }),
            runner({ type: "stage", stage: "mirror", state: "failed", text: "There is nothing at a/b." }),
            runner({ type: "status", status: "errored", reason: "repository_unreachable", sentence }),
          ),
        ),
        "stage",
      ).map(({ state, text }) => [state, text]);
    expect(told("The repository could not be fetched. There is nothing at a/b.")).toEqual([["failed", "Fetching a/b."]]);
    expect(told("The repository could not be fetched.")).toEqual([["failed", "There is nothing at a/b."]]);
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

  test("a check is one entry; one whose sandbox died is cut off, and the next is another", () => {
    const started = runner({ type: "check_started", stepIndex: 0, attempt: 1, command: "npm test" });
    const checks = only(
      deriveEntries(
        transcriptOf(
          started,
          runner({ type: "resumed", after: "sandbox", text: "The checks begin again in a new sandbox." }),
          started,
          runner({ type: "check_finished", stepIndex: 0, attempt: 1, result: exited("npm test", 1) }),
        ),
      ),
      "check",
    );
    expect(checks.map(({ result, cutOff }) => [result?.passed, cutOff])).toEqual([
      [undefined, true],
      [false, false],
    ]);
  });

  test("a check tells where its whole output is, when that is kept", () => {
    const result = { ...exited("make", 1), outputTruncated: true };
    const finished = { type: "check_finished", stepIndex: 0, attempt: 2, result } as const;
    const started = runner({ type: "check_started", stepIndex: 0, attempt: 2, command: "make" });
    const pathsOf = (body: Runner) => {
      const transcript = extendTranscript(emptyTranscript(), transcriptOf(begins, started, runner(body)));
      const inStep = transcript.steps.get(0)?.[0]?.checks.map(({ wholeOutput }) => wholeOutput);
      return [...only(transcript.entries, "check").map(({ wholeOutput }) => wholeOutput), ...(inStep ?? [])];
    };
    const begins = runner({ type: "step_started", stepIndex: 0, attempt: 2, instructions: "x" });
    expect(pathsOf({ ...finished, keptOutput: "1-2-1" })).toEqual(Array(2).fill("/runs/run_0123456789/checks/1-2-1.txt"));
    expect(pathsOf(finished)).toEqual([null, null]);
  });

  test("the end of a run tells its outcome, and none where the reason is not known here", () => {
    const message = { type: "status", status: "failed", sentence: "It went wrong." } as const;
    const outcomes = (body: Runner) =>
      only(deriveEntries(transcriptOf(runner(body))), "status").map(({ outcome }) => outcome?.title);
    expect(outcomes({ ...message, reason: "check_broken" })).toEqual(["Checks failed"]);
    expect(outcomes({ ...message, status: "succeeded", reason: "passed_no_changes" })).toEqual(["Passed without changes"]);
    expect(outcomes(Object.assign({ ...message }, JSON.parse('{"reason":"invented"}')))).toEqual([undefined]);
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

  test("a host that a person allowed is an entry of its own, after which refusals are counted anew", () => {
    const refused = runner({ type: "egress_refused", record: record("a.test") });
    const allowed = runner({ type: "egress_allowed", host: "a.test", port: 443 });
    const entries = deriveEntries(transcriptOf(refused, allowed, refused));
    expect(entries).toMatchObject([
      { kind: "refused", count: 1 },
      { kind: "host_allowed", host: "a.test", port: 443 },
      { kind: "refused", count: 1 },
    ]);
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
