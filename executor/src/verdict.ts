import { EVIDENCE_MAX_CHARACTERS, type ExecutionOutcome, Verdict } from "@ccr/protocol";
import { z } from "zod";
import type { ResultMessage } from "./agent-messages.ts";
import { errorsOf, fail, type ModelError, resultOutcome, sentence } from "./outcome.ts";

// Without the limit: what is too long is cut, rather than sent back to the model.
const Given = Verdict.extend({
  passed: z.boolean().describe("Whether everything that was asked about holds."),
  evidence: z.string().min(1).describe("What you saw that decides, for people: files, lines, and what they show."),
});

/** How Claude Code is asked for a verdict; it knows this draft of JSON Schema. The model answers with a tool that has the schema. */
export const verdictFormat = { type: "json_schema" as const, schema: z.toJSONSchema(Given, { target: "draft-7" }) };

const CUT = " [cut]";

const cut = (text: string): string =>
  text.length <= EVIDENCE_MAX_CHARACTERS
    ? text
    : // A pair of surrogates is one character.
      text.slice(0, EVIDENCE_MAX_CHARACTERS - CUT.length).replace(/[\ud800-\udbff]$/, "") + CUT;

/** As `resultOutcome`, of a turn that judges: without a verdict it has failed. Pure. */
export const verdictOutcome = (result: ResultMessage, modelError: ModelError | null): ExecutionOutcome => {
  if (
    result.subtype === "error_max_structured_output_retries" ||
    result.terminal_reason === "structured_output_retry_exhausted"
  ) {
    const errors = errorsOf(result);
    return fail(
      "verdict_invalid",
      `The judge gave no verdict of the form that was asked for: ${errors || "no reason is known"}.`,
    );
  }
  const outcome = resultOutcome(result, modelError);
  if (outcome.kind !== "completed") return outcome;
  if (result.structured_output === undefined || result.structured_output === null) {
    return fail("verdict_invalid", `The judge ended without a verdict. It said: ${sentence(outcome.text) || "nothing"}.`);
  }
  const given = Given.safeParse(result.structured_output);
  if (!given.success) {
    const problems = given.error.issues.map(({ path, message }) => `${path.join(".") || "verdict"}: ${message}`);
    return fail("verdict_invalid", `The judge gave a verdict that is none: ${sentence(problems.join("; "))}.`);
  }
  const verdict = { passed: given.data.passed, evidence: cut(given.data.evidence) };
  return { kind: "completed", text: verdict.evidence, verdict };
};
