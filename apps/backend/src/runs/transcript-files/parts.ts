import type { Message, Run, RunnerBody } from "@ccr/protocol";

/** What a transcript's file tells of its run. */
export type TranscriptRun = Pick<Run, "id" | "taskName" | "repository" | "createdAt" | "sentence" | "lastSeq">;

/** What a transcript's file shows, whatever it is written in. */
type Shown =
  | { kind: "heading"; text: string }
  | { kind: "line"; text: string; isError: boolean }
  /** What somebody said, as Markdown. */
  | { kind: "said"; who: string; text: string }
  | { kind: "thought"; text: string }
  /** Something to be read letter by letter. */
  | { kind: "block"; title: string; text: string; isError: boolean };
/** `isInside`: a subagent said or did it. */
export type Part = Shown & { seq: number; at: string; isInside: boolean };

type Json = { readonly [key: string]: unknown };
const isRecord = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);
const recordOf = (value: unknown): Json => (isRecord(value) ? value : {});
const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

/** So many calls are remembered until their results come; a result without its call is shown all the same. */
const CALLS_MAX = 10_000;

const ofRunner = (body: RunnerBody): Shown | null => {
  const line = (text: string, isError = false): Shown => ({ kind: "line", text, isError });
  switch (body.type) {
    case "status":
      return line(body.sentence, body.status === "failed" || body.status === "errored");
    case "stage":
      return body.state === "progress" ? null : line(body.text, body.state === "failed");
    case "setup_output":
      return { kind: "block", title: "Set-up", text: body.text, isError: false };
    case "step_started":
      return { kind: "heading", text: `Step ${body.stepIndex + 1}, attempt ${body.attempt}` };
    case "step_finished":
      return line(`Step ${body.stepIndex + 1} ${body.passed ? "passed" : "did not pass"}.`, !body.passed);
    case "check_started":
      return null;
    case "check_finished": {
      const { command, output, passed } = body.result;
      return { kind: "block", title: `Check ${passed ? "passed" : "did not pass"}: ${command}`, text: output, isError: !passed };
    }
    case "judge_started":
      return { kind: "said", who: "Checks in prose, for a judge", text: body.text };
    case "judge_finished": {
      const { verdict, problem } = body;
      if (verdict === null) return line(`The judge came to no verdict: ${problem ?? ""}`, true);
      return { kind: "said", who: verdict.passed ? "Judged: passed" : "Judged: not met", text: verdict.evidence };
    }
    case "execution_started":
      return { kind: "said", who: "Told Claude Code", text: body.prompt };
    case "execution_ended":
      if (body.outcome.kind === "completed") return null;
      return line(
        body.outcome.kind === "failed" ? body.outcome.message : "Claude Code was interrupted.",
        body.outcome.kind === "failed",
      );
    case "resumed":
    case "note":
      return line(body.text);
    case "said":
      return { kind: "said", who: "A person said", text: body.text };
    case "interrupted":
      return line("A person broke off what Claude Code was doing.");
    case "configured":
      return line(
        `A person changed how Claude Code works: ${[body.model === undefined ? null : (body.model ?? "the default model"), body.permissionMode ?? null].filter((part) => part !== null).join(", ")}.`,
      );
    case "question_asked": {
      const { toolName, input } = body.question;
      return { kind: "block", title: `Asked a person: ${toolName ?? ""}`, text: JSON.stringify(input, null, 2), isError: false };
    }
    case "question_answered":
      return line(body.text);
    case "egress_refused":
      return line(`Refused: ${body.record.host}:${body.record.port}`, true);
    case "egress_allowed":
      return line(`A person allowed this run to reach ${body.host}:${body.port}.`);
  }
};

/** What a result says, also where it is made of several blocks. */
const resultText = (content: unknown): string => {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content
    .filter(isRecord)
    .map((block) => (block.type === "text" ? textOf(block.text) : `[${textOf(block.type) || "something"}]`))
    .join("\n");
};

const inputOf = (name: string, input: Json): string =>
  name === "Bash" && typeof input.command === "string" ? input.command : JSON.stringify(input, null, 2);

/**
 * Reads messages in order and gives what a file shows of them. What is outside data is read without trusting its shape; kinds that nobody knows
 * are shown as JSON. Holds nothing of a message but the name of a call until its result has come.
 */
export const createParts = (): ((message: Message) => readonly Part[]) => {
  const calls = new Map<string, string>();
  const remember = (id: string, name: string): void => {
    calls.set(id, name);
    if (calls.size <= CALLS_MAX) return;
    for (const oldest of calls.keys()) {
      calls.delete(oldest);
      return;
    }
  };
  const ofBlock = (block: Json): Shown | null => {
    switch (block.type) {
      case "text":
        return textOf(block.text).trim() === "" ? null : { kind: "said", who: "", text: textOf(block.text) };
      case "thinking":
        return textOf(block.thinking).trim() === "" ? null : { kind: "thought", text: textOf(block.thinking) };
      case "redacted_thinking":
        return null;
      case "tool_use":
      case "server_tool_use":
      case "mcp_tool_use": {
        const name = textOf(block.name) || "tool";
        remember(textOf(block.id), name);
        return { kind: "block", title: name, text: inputOf(name, recordOf(block.input)), isError: false };
      }
      case "tool_result": {
        const id = textOf(block.tool_use_id);
        const name = calls.get(id);
        calls.delete(id);
        const isError = block.is_error === true;
        const what = isError ? "failed" : "gave";
        return {
          kind: "block",
          title: name === undefined ? "A call gave" : `${name} ${what}`,
          text: resultText(block.content),
          isError,
        };
      }
      default:
        return { kind: "block", title: textOf(block.type) || "block", text: JSON.stringify(block, null, 2), isError: false };
    }
  };
  const ofAgent = (body: Json): readonly Shown[] => {
    switch (body.type) {
      case "assistant":
      case "user": {
        const { content } = recordOf(body.message);
        const who = body.type === "assistant" ? "Claude Code" : "Told Claude Code";
        const blocks = typeof content === "string" ? [{ type: "text", text: content }] : Array.isArray(content) ? content : [];
        return blocks
          .filter(isRecord)
          .map(ofBlock)
          .flatMap((shown) => (shown === null ? [] : [shown.kind === "said" ? { ...shown, who } : shown]));
      }
      case "result": {
        const isError = body.is_error === true || body.subtype !== "success";
        return [
          {
            kind: "line",
            text: isError ? `Claude Code ended with an error (${textOf(body.subtype)}).` : "Claude Code ended its turn.",
            isError,
          },
        ];
      }
      case "system":
        return body.subtype === "init" ? [{ kind: "line", text: `Claude Code with ${textOf(body.model)}`, isError: false }] : [];
      default:
        return [];
    }
  };
  return ({ seq, at, source, body }) => {
    const shown = source === "agent" ? ofAgent(body) : [ofRunner(body)];
    const isInside = source === "agent" && typeof body.parent_tool_use_id === "string";
    return shown.flatMap((each) => (each === null ? [] : [{ ...each, seq, at, isInside }]));
  };
};
