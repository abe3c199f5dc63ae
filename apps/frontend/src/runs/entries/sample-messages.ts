import { type CheckResult, type Message, RunId } from "@ccr/protocol";
import type { Entry, EntryOf } from "./entry.ts";

/*
 * Short ways to write down what an agent and we say, for tests.
 */

export const runId = RunId.parse("run_0123456789");
type Body = Extract<Message, { source: "agent" }>["body"];
export type Runner = Extract<Message, { source: "runner" }>["body"];

/** The moment of the message `seq`. */
export const clock = (seq: number): string => new Date(Date.UTC(2026, 10, 22, 20, 0, seq)).toISOString();

/** Numbers the bodies as the store does. */
export const transcriptOf = (...parts: (["agent", Body] | ["runner", Runner])[]): Message[] =>
  parts.map(([source, body], index) => {
    const base = { runId, seq: index + 1, at: clock(index + 1) };
    return source === "agent" ? { ...base, source, body } : { ...base, source, body };
  });

/** A message of Claude Code. */
export const agent = (body: Body): ["agent", Body] => ["agent", body];
/** A message of ours. */
export const runner = (body: Runner): ["runner", Runner] => ["runner", body];
/** What the model says, block by block. */
export const says = (...content: unknown[]) =>
  agent({ type: "assistant", session_id: "s", parent_tool_use_id: null, message: { content } });
/** What the model is given: results of its calls, or a text. */
export const hears = (content: unknown, extra: Record<string, unknown> = {}) =>
  agent({ type: "user", session_id: "s", parent_tool_use_id: null, message: { role: "user", content }, ...extra });
/** A block that calls a tool. */
export const call = (id: string, name: string, input: unknown) => ({ type: "tool_use", id, name, input });
/** A block with the result of a call. */
export const answer = (id: string, content: unknown, isError = false) => ({
  type: "tool_result",
  tool_use_id: id,
  content,
  ...(isError ? { is_error: true } : {}),
});
/** The same message, said by the subagent that the call `id` started. */
export const within = (id: string, part: ["agent", Body]): ["agent", Body] => [part[0], { ...part[1], parent_tool_use_id: id }];

/** The entries of one kind. */
export const only = <Kind extends Entry["kind"]>(entries: readonly Entry[], kind: Kind): EntryOf<Kind>[] =>
  entries.filter((entry): entry is EntryOf<Kind> => entry.kind === kind);

/** How a check ended that exited with this code. */
export const exited = (command: string, exitCode: number): CheckResult => ({
  command,
  outcome: { kind: "exited", exitCode },
  passed: exitCode === 0,
  output: "out",
  outputTruncated: false,
  durationMs: 12,
});
