import { ExecutionOutcome } from "@ccr/protocol";
import { describe, expect, it } from "vitest";
import { seeMessage } from "./agent-messages.ts";
import { verdictOutcome } from "./verdict.ts";

const outcome = (fields: object) => {
  const seen = seeMessage({ type: "result", subtype: "success", is_error: false, terminal_reason: "completed", ...fields });
  if (seen?.type !== "result") throw new Error("the result was not seen");
  return ExecutionOutcome.parse(verdictOutcome(seen, null));
};

describe("verdictOutcome", () => {
  it("completes with the verdict, whatever fields come with it", () => {
    for (const passed of [true, false]) {
      const structured_output = { passed, evidence: "a.txt says so", confidence: 1 };
      expect(outcome({ result: "{}", structured_output })).toEqual({
        kind: "completed",
        text: "a.txt says so",
        verdict: { passed, evidence: "a.txt says so" },
      });
    }
  });

  it.each([
    ["nothing", {}, /without a verdict\. It said: nothing\./],
    ["words alone", { result: "It passed." }, /without a verdict\. It said: It passed\./],
    ["null", { structured_output: null }, /without a verdict/],
    ["something else", { structured_output: "passed" }, /verdict: /],
    ["a verdict of another type", { structured_output: { passed: "true", evidence: "x" } }, /passed: /],
    ["a verdict without evidence", { structured_output: { passed: true, evidence: "" } }, /evidence: /],
  ])("fails for %s", (_name, fields, says) => {
    expect(outcome(fields)).toEqual({
      kind: "failed",
      code: "verdict_invalid",
      message: expect.stringMatching(says),
    });
  });

  it("fails when Claude Code gave up asking for one, with its reason", () => {
    const errors = ["Failed to provide valid structured output after 5 attempts"];
    for (const fields of [
      { subtype: "error_max_structured_output_retries", is_error: true },
      { terminal_reason: "structured_output_retry_exhausted", is_error: true },
    ])
      expect(outcome({ ...fields, errors })).toMatchObject({
        code: "verdict_invalid",
        message: expect.stringContaining("after 5 attempts"),
      });
  });

  it("takes no verdict from a turn that ended in another way", () => {
    const structured_output = { passed: true, evidence: "x" };
    for (const [fields, code] of [
      [{ subtype: "error_max_turns", is_error: true }, "limit_turns"],
      [{ terminal_reason: "aborted_tools" }, "agent_error"],
      [{ stop_reason: "refusal" }, "agent_error"],
      [{ is_error: true, terminal_reason: "api_error", api_error_status: 401 }, "model_unauthorized"],
    ] as const)
      expect(outcome({ ...fields, structured_output })).toMatchObject({ kind: "failed", code });
  });

  it("cuts evidence that is too long between two characters", () => {
    const cut = (evidence: string) => {
      const result = outcome({ structured_output: { passed: true, evidence } });
      return result.kind === "completed" ? (result.verdict?.evidence ?? "") : "";
    };
    expect(cut("x".repeat(64 * 1024))).toBe("x".repeat(64 * 1024));
    for (const before of ["", "x"]) {
      const text = cut(`${before}${"\u{1f642}".repeat(64 * 1024)}`);
      expect(text.length).toBeGreaterThan(64 * 1024 - 3);
      expect(text).toMatch(/^x?(\u{1f642})+ \[cut\]$/u);
    }
  });
});
