import type {
  AnsweredBy,
  AuditRecord,
  CheckResult,
  ExecutionOutcome,
  PermissionMode,
  Question,
  RunOutcome,
  RunStatus,
  STAGES,
  Verdict,
} from "@ccr/protocol";
import type { JsonRecord } from "./json.ts";

export type Todo = { id: string; text: string; activeText: string | null; status: "pending" | "in_progress" | "completed" };

export type Stage = (typeof STAGES)[number];

/** An image that a message holds itself. */
export type Picture = { mediaType: string; base64: string };

export type ToolResult = {
  seq: number;
  at: string;
  text: string;
  isError: boolean;
  /** The call was broken off because Claude Code was interrupted; its words are Claude Code's own and not the tool's. */
  interrupted: boolean;
  images: readonly Picture[];
  /** Blocks that are neither text nor an image: resources, documents, audio, what a server tool found. */
  others: readonly JsonRecord[];
  /** Claude Code's own structured form of the result, whose shape depends on the tool. */
  structured: unknown;
};

/** A subagent or a command in the background, as Claude Code tells of it. */
export type BackgroundTask = {
  id: string;
  status: "running" | "paused" | "completed" | "failed" | "stopped";
  /** It goes on while the agent does other things. */
  inBackground: boolean;
  /** When it began and ended, by the messages that told so. */
  startedAt: string;
  endedAt: string | null;
  usage: { tokens: number | null; calls: number | null; durationMs: number | null } | null;
  /** What it reported in the end, or why it failed. */
  report: string | null;
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
  task: BackgroundTask | null;
  /** Why Claude Code did not let the call be made; null: it was let. */
  denied: string | null;
  /** What an MCP server calls itself and its tool. */
  title: { server: string; tool: string } | null;
};

/** A hook of the settings: a command that Claude Code runs at an event. */
export type HookEntry = Base & {
  kind: "hook";
  name: string;
  event: string;
  state: "running" | "success" | "error" | "canceled";
  output: string;
  exitCode: number | null;
};

/** The conversation is summed up to make room. */
export type CompactEntry = Base & {
  kind: "compact";
  state: "going" | "done" | "failed";
  trigger: string;
  tokensBefore: number | null;
  tokensAfter: number | null;
  durationMs: number | null;
  summary: string | null;
  error: string | null;
};

/** What one model used in the conversation so far. */
export type ModelUsage = {
  model: string;
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  cacheWriteTokens: number;
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
  /** Why the turn ended, in Claude Code's own words (`max_turns`). */
  reason: string | null;
  /** The status of the model's API that ended the turn. */
  apiStatus: number | null;
  /** The calls that were not let be made. */
  denials: readonly { name: string; subject: string }[];
  /** The answer in the form that was asked for. */
  structured: unknown;
  models: readonly ModelUsage[];
  /** The slash command that was all of the turn. */
  command: string | null;
};

/** One thing that the transcript shows. An entry is never changed: a new one takes its place. */
export type Entry =
  | ToolEntry
  | StageEntry
  | CheckEntry
  | JudgeEntry
  | ResultEntry
  | HookEntry
  | CompactEntry
  /** `cutOff`: it was broken off in the middle. */
  | (Base & { kind: "text"; text: string; error: string | null; cutOff: boolean })
  /** `text` is empty when the thoughts are not shown; `tokens`: about how many they were. */
  | (Base & { kind: "thinking"; text: string; redacted: boolean; tokens: number | null; durationMs: number | null })
  /** What the agent was told, where it is not just a step's instructions. `from`: who told it, when it was not us. */
  | (Base & { kind: "prompt"; text: string; from: string | null; images: readonly Picture[]; others: readonly JsonRecord[] })
  /** A slash command or a shell command of the person's own, and what it printed. */
  | (Base & { kind: "command"; name: string; args: string; output: string | null; isError: boolean })
  | (Base & {
      kind: "init";
      model: string | null;
      version: string | null;
      cwd: string | null;
      tools: readonly string[];
      permissionMode: string | null;
      servers: readonly { name: string; status: string }[];
      agents: readonly string[];
      skills: readonly string[];
      plugins: readonly string[];
    })
  | (Base & { kind: "retry"; attempt: number; maxRetries: number; delayMs: number; status: number | null; error: string })
  | (Base & {
      kind: "rate_limit";
      status: "allowed" | "allowed_warning" | "rejected";
      /** Which limit it is, in words. */
      limit: string;
      /** How much of it is used up, from 0 to 1. */
      used: number | null;
      resetsAt: string | null;
    })
  /** `more`: what is shown when it is opened. */
  | (Base & { kind: "notice"; level: "info" | "warning" | "error"; text: string; more: string | null })
  /** Small signals of Claude Code in a row, that say little each. */
  | (Base & { kind: "signals"; texts: readonly string[]; count: number })
  /** What was said or done and then taken back, and answered anew. */
  | (Base & { kind: "retracted"; was: Entry })
  | (Base & { kind: "step"; stepIndex: number; attempt: number; instructions: string })
  | (Base & { kind: "step_end"; stepIndex: number; attempt: number; passed: boolean })
  | (Base & { kind: "outcome"; outcome: Exclude<ExecutionOutcome, { kind: "completed" }> })
  /** `count` requests in a row that were refused alike; `record` is the last. */
  | (Base & { kind: "refused"; record: AuditRecord; count: number })
  /** A person has allowed the run to reach a host, from now on. */
  | (Base & { kind: "host_allowed"; host: string; port: number })
  | (Base & { kind: "note"; text: string })
  /** What a person said while the agent was at work. */
  | (Base & { kind: "said"; text: string })
  /** What the agent asked a person; `answer` is null as long as nobody answered. */
  | (Base & { kind: "question"; question: Question; answer: { by: AnsweredBy; text: string } | null })
  /** A person has broken off the agent's turn. */
  | (Base & { kind: "interrupted" })
  /** A person has changed how the agent works; undefined: that stayed as it was. */
  | (Base & { kind: "configured"; model: string | null | undefined; permissionMode: PermissionMode | undefined })
  /** `outcome`: how the run came out, once it has ended. */
  | (Base & { kind: "status"; status: RunStatus; outcome: RunOutcome | null; sentence: string })
  /** Kinds that this page does not know, raw; those of one label in a row together: `count` of them, the first ones in `bodies`. */
  | (Base & { kind: "unknown"; label: string; bodies: readonly JsonRecord[]; count: number });

/** What stands inside of an entry. */
export const insideOf = (entry: Entry | undefined): readonly Entry[] =>
  entry?.kind === "tool" || entry?.kind === "judge" ? entry.children : [];

export type EntryOf<Kind extends Entry["kind"]> = Extract<Entry, { kind: Kind }>;
