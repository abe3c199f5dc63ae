import { describe, expect, it } from "vitest";
import { seeMessage } from "./agent-messages.ts";
import { exitOutcome, type ModelError, resultOutcome } from "./outcome.ts";

const outcome = (fields: object, modelError: ModelError | null = null) => {
  const seen = seeMessage({ type: "result", subtype: "success", is_error: false, terminal_reason: "completed", ...fields });
  if (seen?.type !== "result") throw new Error("the result was not seen");
  return resultOutcome(seen, modelError);
};
const apiError = (status: number | null, text: string) => ({
  is_error: true,
  terminal_reason: "api_error",
  api_error_status: status,
  result: text,
});

describe("resultOutcome", () => {
  it("completes with the agent's text", () => {
    expect(outcome({ result: "All done." })).toEqual({ kind: "completed", text: "All done." });
    expect(outcome({})).toEqual({ kind: "completed", text: "" });
  });

  it.each([
    ["error_max_turns", "limit_turns"],
    ["error_max_budget_usd", "limit_budget"],
    ["error_during_execution", "agent_error"],
    ["error_of_a_new_kind", "agent_error"],
  ])("maps the subtype %s to %s", (subtype, code) => {
    expect(outcome({ subtype, is_error: true, errors: ["the reason"] })).toMatchObject({
      kind: "failed",
      code,
      message: expect.stringContaining("the reason"),
    });
  });

  it.each([
    [401, "model_unauthorized"],
    [403, "model_unauthorized"],
    [429, "model_unavailable"],
    [500, "model_unavailable"],
    [529, "model_unavailable"],
    [400, "agent_error"],
    [404, "agent_error"],
  ])("maps the API's status %i to %s and says what it said", (status, code) => {
    expect(outcome(apiError(status, "API Error: the words"))).toMatchObject({
      code,
      message: expect.stringContaining("the words"),
    });
  });

  it("knows a connection that failed, which has no status", () => {
    expect(outcome({ ...apiError(null, "Connection refused"), api_error: "connection_failed" })).toMatchObject({
      code: "model_unavailable",
    });
    expect(outcome(apiError(null, "x"), { status: null, error: "rate_limit" })).toMatchObject({ code: "model_unavailable" });
  });

  it("does not blame the model's API for an error that came long after an API error", () => {
    const result = { subtype: "error_during_execution", is_error: true, terminal_reason: "completed", errors: ["a bug"] };
    expect(outcome(result, { status: 500, error: "server_error" })).toMatchObject({ code: "agent_error" });
  });

  it("never calls a turn completed that was broken off, refused or ran into a limit", () => {
    expect(outcome({ terminal_reason: "aborted_tools" })).toMatchObject({ code: "agent_error" });
    expect(outcome({ terminal_reason: "max_turns" })).toMatchObject({ code: "limit_turns" });
    expect(outcome({ terminal_reason: "budget_exhausted" })).toMatchObject({ code: "limit_budget" });
    expect(outcome({ stop_reason: "refusal" })).toMatchObject({ code: "agent_error" });
  });

  it("leaves out lines that are not for people", () => {
    const result = outcome({ subtype: "error_during_execution", is_error: true, errors: ["[ede_diagnostic] x=1", "real"] });
    expect(result).toMatchObject({ message: "Claude Code ended with an error: real." });
  });
});

describe("exitOutcome", () => {
  const exit = { code: null, signal: null, stderr: "", error: null };
  it("tells a signal, an exit code and a start that failed apart", () => {
    expect(exitOutcome({ ...exit, signal: "SIGKILL" }).message).toContain("was ended by SIGKILL");
    expect(exitOutcome({ ...exit, code: 0 }).message).toContain("exit code 0");
    expect(exitOutcome({ ...exit, code: -2, error: "spawn ENOENT" }).message).toContain("could not be started (spawn ENOENT)");
  });

  it("quotes only the last lines of what it said", () => {
    const stderr = Array.from({ length: 50 }, (_, index) => `line ${index}`).join("\n");
    const { message, code } = exitOutcome({ ...exit, code: 1, stderr });
    expect(code).toBe("agent_exited");
    expect(message).toContain("line 49");
    expect(message).not.toContain("line 39\n");
  });
});
