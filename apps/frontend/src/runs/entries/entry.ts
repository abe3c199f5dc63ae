import type { AuditRecord, CheckResult, ExecutionOutcome, RunOutcome, RunStatus, STAGES, Verdict } from "@ccr/protocol";
import type { JsonRecord } from "./json.ts";

export type Todo = { id: string; text: string; activeText: string | null; status: "pending" | "in_progress" | "completed" };

export type Stage = (typeof STAGES)[number];

export type ToolImage = { mediaType: string; base64: string };

export type ToolResult = {
  seq: number;
  at: string;
  text: string;
  isError: boolean;
  /** The call was broken off because Claude Code was interrupted; its words are Claude Code's own and not the tool's. */
  interrupted: boolean;
  images: readonly ToolImage[];
  /** Claude Code's own structured form of the result, whose shape depends on the tool. */
  structured: unknown;
};

type Base = {
  /** Unique and stable within a transcript. */
  key: string;
  /** The message that began this entry. */
  seq: number;
  at: string;
};

export type ToolEntry = Base & {
  kind: "tool";
  toolUseId: string;
  name: string;
  input: JsonRecord;
  /** What the call is about where its input gives only a number for it. */
  about: string | null;
  result: ToolResult | null;
  /** What a subagent did that this call started. */
  children: readonly Entry[];
  /** The last word of a subagent or background command on how it gets on. */
  progress: string | null;
};

export type StageEntry = Base & {
  kind: "stage";
  stage: Stage;
  state: "started" | "finished" | "failed";
  text: string;
  /** What was said when it began. */
  begunAs: string;
  /** What was said while it went on. */
  lines: readonly string[];
  /** What the script of a set-up printed so far. */
  output: string;
  durationMs: number | null;
};

export type CheckEntry = Base & {
  kind: "check";
  stepIndex: number;
  attempt: number;
  command: string;
  result: CheckResult | null;
  /** Where all of its output can be downloaded, of which the result has a part; null: nowhere. */
  wholeOutput: string | null;
  /** The sandbox in which it ran is gone: no result comes any more. */
  cutOff: boolean;
};

export type JudgeEntry = Base & {
  kind: "judge";
  stepIndex: number;
  attempt: number;
  /** The checks in prose. */
  text: string;
  /** What the judge said in the end, in the message `seq`; null as long as it looks. */
  end: { seq: number; verdict: Verdict | null; problem: string | null } | null;
  /** How it came to that. */
  children: readonly Entry[];
};

export type ResultEntry = Base & {
  kind: "result";
  ok: boolean;
  /** The turn was broken off from outside: its errors are none. */
  interrupted: boolean;
  subtype: string;
  costUsd: number | null;
  turns: number | null;
  durationMs: number | null;
  inputTokens: number | null;
  outputTokens: number | null;
  errors: readonly string[];
};

/** One thing that the transcript shows. An entry is never changed: a new one takes its place. */
export type Entry =
  | ToolEntry
  | StageEntry
  | CheckEntry
  | JudgeEntry
  | ResultEntry
  | (Base & { kind: "text"; text: string; error: string | null })
  | (Base & { kind: "thinking"; text: string })
  /** What the agent was told, where it is not just a step's instructions. */
  | (Base & { kind: "prompt"; text: string })
  | (Base & { kind: "init"; model: string | null; version: string | null; cwd: string | null; tools: readonly string[] })
  | (Base & { kind: "retry"; attempt: number; maxRetries: number; delayMs: number; status: number | null; error: string })
  | (Base & { kind: "compact"; trigger: string; tokensBefore: number | null; tokensAfter: number | null })
  | (Base & { kind: "notice"; level: "info" | "warning"; text: string })
  | (Base & { kind: "step"; stepIndex: number; attempt: number; instructions: string })
  | (Base & { kind: "step_end"; stepIndex: number; attempt: number; passed: boolean })
  | (Base & { kind: "outcome"; outcome: Exclude<ExecutionOutcome, { kind: "completed" }> })
  /** `count` requests in a row that were refused alike; `record` is the last. */
  | (Base & { kind: "refused"; record: AuditRecord; count: number })
  | (Base & { kind: "note"; text: string })
  /** `outcome`: how the run came out, once it has ended. */
  | (Base & { kind: "status"; status: RunStatus; outcome: RunOutcome | null; sentence: string })
  /** Kinds that this page does not know, raw; those of one label in a row together: `count` of them, the first ones in `bodies`. */
  | (Base & { kind: "unknown"; label: string; bodies: readonly JsonRecord[]; count: number });

/** What stands inside of an entry. */
export const insideOf = (entry: Entry | undefined): readonly Entry[] =>
  entry?.kind === "tool" || entry?.kind === "judge" ? entry.children : [];

export type EntryOf<Kind extends Entry["kind"]> = Extract<Entry, { kind: Kind }>;
