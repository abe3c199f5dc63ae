import { describe, expect, test, vi } from "vitest";
import { describeActivity } from "./activity.ts";
import { deriveEntries, emptyTranscript, extendTranscript } from "./derive.ts";
import type { Entry } from "./entry.ts";
import { findEntryPath } from "./rows.ts";
import { agent, answer, call, hears, runner, says, transcriptOf, within } from "./sample-messages.ts";

describe("what goes on now", () => {
  const activityOf = (...parts: Parameters<typeof transcriptOf>) =>
    describeActivity(extendTranscript(emptyTranscript(), transcriptOf(...parts)).activity);

  test("follows stages, calls, thinking, retries and checks", () => {
    expect(activityOf(runner({ type: "stage", stage: "clone", state: "started", text: "Cloning" }))).toBe("Cloning");
    expect(activityOf(says(call("1", "Bash", { command: "npm test\nls" })))).toBe("Running npm test");
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

test("one message that cannot be read stands there raw, and hides none of the others", () => {
  const quiet = vi.spyOn(console, "error").mockImplementation(() => {});
  const messages = transcriptOf(
    says({ type: "text", text: "before" }),
    runner({ type: "note", text: "" }),
    says({ type: "text", text: "after" }),
  );
  const [, broken] = messages;
  Object.defineProperty(broken, "body", {
    get: () => ({
      get type() {
        throw new Error("of no kind");
      },
    }),
  });
  const { entries, lastSeq } = extendTranscript(emptyTranscript(), messages);
  expect(entries.map(({ kind }) => kind)).toEqual(["text", "unknown", "text"]);
  expect(lastSeq).toBe(3);
  expect(quiet).toHaveBeenCalledOnce();
  quiet.mockRestore();
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
