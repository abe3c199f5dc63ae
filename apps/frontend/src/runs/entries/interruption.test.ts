import { describe, expect, test } from "vitest";
import { deriveEntries } from "./derive.ts";
import { agent, answer, call, hears, only, runner, says, transcriptOf } from "./sample-messages.ts";

const started = runner({ type: "execution_started", executionId: "e", prompt: "Do it" });
const brokenOff = hears([answer("t1", "The user doesn't want to proceed with this tool use.", true)], {
  tool_use_result: "User rejected tool use",
  tool_result_meta: [{ id: "t1", non_execution_kind: "user-rejected" }],
});
const noted = hears([{ type: "text", text: "[Request interrupted by user for tool use]" }]);
const result = (more: Record<string, unknown> = {}) =>
  agent({
    type: "result",
    subtype: "error_during_execution",
    is_error: true,
    num_turns: 4,
    errors: ["[ede_diagnostic] result_type=user last_content_type=n/a stop_reason=tool_use"],
    ...more,
  });
const ended = (outcome: Extract<Parameters<typeof runner>[0], { type: "execution_ended" }>["outcome"]) =>
  runner({ type: "execution_ended", executionId: "e", outcome });

describe("an interruption of ours", () => {
  test("is one line and no error; what Claude Code noted of it stays in the raw view", () => {
    const entries = deriveEntries(
      transcriptOf(
        started,
        says(call("t1", "Bash", { command: "sleep 100" })),
        brokenOff,
        noted,
        result({ terminal_reason: "aborted_tools" }),
        ended({ kind: "interrupted" }),
      ),
    );
    expect(entries.map(({ kind }) => kind)).toEqual(["prompt", "tool", "result"]);
    expect(only(entries, "tool")[0]?.result).toMatchObject({ interrupted: true });
    expect(only(entries, "result")).toMatchObject([{ interrupted: true, ok: false, errors: [] }]);
  });

  test("is known by Claude Code's note also where the result does not say how it ended", () => {
    const entries = deriveEntries(transcriptOf(started, noted, result(), ended({ kind: "interrupted" })));
    expect(only(entries, "result")).toMatchObject([{ interrupted: true, errors: [] }]);
    expect(only(entries, "outcome")).toEqual([]);
  });

  test("is told by us when Claude Code ended without a word", () => {
    const entries = deriveEntries(transcriptOf(started, ended({ kind: "interrupted" })));
    expect(only(entries, "outcome")).toMatchObject([{ outcome: { kind: "interrupted" } }]);
  });

  test("does not hide why we interrupted, nor what fails in the next execution", () => {
    const entries = deriveEntries(
      transcriptOf(
        started,
        noted,
        result(),
        ended({ kind: "failed", code: "agent_stalled", message: "No sign of life." }),
        started,
        result({ errors: ["[ede_diagnostic] x=1", "It broke."] }),
      ),
    );
    expect(only(entries, "outcome")).toMatchObject([{ outcome: { code: "agent_stalled" } }]);
    expect(only(entries, "result").map(({ interrupted, errors }) => [interrupted, errors])).toEqual([
      [true, []],
      [false, ["It broke."]],
    ]);
  });
});

test("a call that failed by itself is no interruption", () => {
  const [tool] = only(
    deriveEntries(transcriptOf(says(call("t1", "Bash", { command: "false" })), hears([answer("t1", "Exit code 1", true)]))),
    "tool",
  );
  expect(tool?.result).toMatchObject({ isError: true, interrupted: false });
});
