import type { ExecutionOutcome } from "@ccr/protocol";
import type { ResultMessage } from "./agent-messages.ts";
import type { AgentExit } from "./agent-process.ts";

type Failed = Extract<ExecutionOutcome, { kind: "failed" }>;

/** What the model's API answered last, when it answered with an error. */
export interface ModelError {
  status: number | null;
  /** Claude Code's word for it, e.g. `rate_limit`. */
  error: string;
}

const UNAUTHORIZED = new Set([
  "authentication_failed",
  "oauth_org_not_allowed",
  "account_on_hold",
  "verification_required",
  "cloud_credential_error",
]);
const UNAVAILABLE = new Set(["rate_limit", "overloaded", "server_error", "billing_error"]);

/** The outcome of an execution that failed. Pure. */
export const fail = (code: Failed["code"], message: string): Failed => ({ kind: "failed", code, message });

const describeModelError = ({ status, error }: ModelError): string =>
  status === null ? `no answer (${error.replaceAll("_", " ")})` : `status ${status} (${error.replaceAll("_", " ")})`;

const isUnauthorized = ({ status, error }: ModelError): boolean => status === 401 || status === 403 || UNAUTHORIZED.has(error);
const isUnavailable = ({ status, error }: ModelError): boolean =>
  status === 429 || (status !== null && status >= 500) || UNAVAILABLE.has(error);

/** Whether the API refuses the credential; trying again does not change that. Pure. */
export const refusesCredential = isUnauthorized;

export const unauthorizedOutcome = (error: ModelError, said = ""): Failed =>
  fail(
    "model_unauthorized",
    `The model's API refused the credential: ${said || describeModelError(error)}. Check the server's Anthropic credential.`,
  );

export const unavailableOutcome = (error: ModelError, said = ""): Failed =>
  fail("model_unavailable", `The model's API could not be used: ${said || describeModelError(error)}. Try again later.`);

export const stalledOutcome = (silentMs: number): Failed =>
  fail(
    "agent_stalled",
    `Claude Code gave no sign of life for ${Math.round(silentMs / 1000)} seconds while no tool was running, and was stopped.`,
  );

/** As the part of a sentence. Pure. */
export const sentence = (text: string): string => text.trim().replace(/\.$/, "").slice(0, 2000);

/** What Claude Code says that went wrong; lines for its makers are no matter for people. Pure. */
export const errorsOf = ({ errors = [] }: ResultMessage): string =>
  sentence(errors.filter((line) => !line.startsWith("[ede_diagnostic]")).join("; "));

/** How the turn ended, from its `result` message and the last error of the model's API in this turn. Pure. */
export const resultOutcome = (result: ResultMessage, modelError: ModelError | null): ExecutionOutcome => {
  const said = sentence(result.result ?? "");
  const errors = errorsOf(result);
  if (result.subtype === "error_max_turns" || result.terminal_reason === "max_turns") {
    return fail("limit_turns", `Claude Code used up its limit of turns: ${errors || said || "the limit was reached"}.`);
  }
  if (result.subtype === "error_max_budget_usd" || result.terminal_reason === "budget_exhausted") {
    return fail("limit_budget", `Claude Code used up its limit of money: ${errors || said || "the limit was reached"}.`);
  }
  if (result.is_error || result.subtype !== "success") {
    const error: ModelError = {
      status: result.api_error_status ?? modelError?.status ?? null,
      error: modelError?.error ?? result.api_error ?? "unknown",
    };
    const isApiError = result.terminal_reason === "api_error" || (result.api_error_status ?? null) !== null;
    if (isApiError && isUnauthorized(error)) return unauthorizedOutcome(error, said || errors);
    if (isApiError && (isUnavailable(error) || result.api_error === "connection_failed"))
      return unavailableOutcome(error, said || errors);
    if (result.terminal_reason?.startsWith("aborted") === true) return fail("agent_error", "Claude Code's turn was broken off.");
    return fail("agent_error", `Claude Code ended with an error: ${said || errors || result.subtype.replaceAll("_", " ")}.`);
  }
  if (result.terminal_reason?.startsWith("aborted") === true) return fail("agent_error", "Claude Code's turn was broken off.");
  if (result.stop_reason === "refusal") return fail("agent_error", `The model refused to go on: ${said || "it gave no reason"}.`);
  return { kind: "completed", text: result.result ?? "" };
};

/** How an execution ended whose agent was gone before it gave a result. Pure. */
export const exitOutcome = ({ code, signal, stderr, error }: AgentExit): Failed => {
  const hasRun = code !== null && code >= 0; // Node gives a negative code to what could not be started
  const how =
    signal !== null
      ? `was ended by ${signal}`
      : hasRun
        ? `ended with exit code ${code}`
        : `could not be started (${error ?? "no reason is known"})`;
  const lines = stderr.split("\n").slice(-10).join("\n").trim();
  const because = lines !== "" ? ` Its last words: ${lines}` : code === 0 && error !== null ? ` ${error}` : "";
  return fail("agent_exited", `Claude Code ${how} before it finished the turn.${because}`);
};
