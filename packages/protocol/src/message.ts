import { z } from "zod";
import { AuditRecord } from "./gateway.ts";
import { RunId, Timestamp } from "./ids.ts";
import { RunReason, RunStatus } from "./outcome.ts";
import { AnsweredBy, PermissionMode, Question } from "./talk.ts";

/** What the agent said, as it came from Claude Code. Kinds that we do not know are kept as they are. */
export const AgentBody = z.looseObject({ type: z.string(), session_id: z.string().optional() });
export type AgentBody = z.infer<typeof AgentBody>;

/** Longer evidence is cut: it is read by people, and part of every copy of the verdict. */
export const EVIDENCE_MAX_CHARACTERS = 64 * 1024;

/** What a judge says of checks that are stated in prose. */
export const Verdict = z.object({
  passed: z.boolean(),
  /** What it saw that decides, for people. */
  evidence: z.string().min(1).max(EVIDENCE_MAX_CHARACTERS),
});
export type Verdict = z.infer<typeof Verdict>;

/** How one execution (one prompt given to the agent) ended. */
export const ExecutionOutcome = z.discriminatedUnion("kind", [
  /** One that judges, and no other, has a `verdict`; `text` is then its evidence. */
  z.object({ kind: z.literal("completed"), text: z.string(), verdict: Verdict.optional() }),
  z.object({
    kind: z.literal("failed"),
    code: z.enum([
      "agent_error",
      "agent_exited",
      "agent_stalled",
      "limit_turns",
      "limit_budget",
      "model_unauthorized",
      "model_unavailable",
      "disk_full",
      "verdict_invalid",
    ]),
    message: z.string(),
  }),
  z.object({ kind: z.literal("interrupted") }),
]);
export type ExecutionOutcome = z.infer<typeof ExecutionOutcome>;

export const CheckResult = z.object({
  command: z.string(),
  outcome: z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("exited"), exitCode: z.number().int() }),
    z.object({ kind: z.literal("killed"), signal: z.string() }),
    z.object({ kind: z.literal("timed_out"), afterMs: z.number() }),
  ]),
  passed: z.boolean(),
  /** Standard output and error as they came; the middle is cut out when longer than the executor's limit. */
  output: z.string(),
  outputTruncated: z.boolean(),
  durationMs: z.number(),
});
export type CheckResult = z.infer<typeof CheckResult>;

/** `<step>-<attempt>-<number>` of a command among those of its step, each counted from 1. */
export const CheckOutputName = z.string().regex(/^\d+-\d+-\d+$/);

// What the check's own bash says of a program that it does not find on its search path, and of a command that it cannot read. What a script of the
// work says is about the work.
const NOT_FOUND = /^bash: (?:line \d+: )?[^\s:]+: command not found$/m;
const UNREADABLE = /^bash: -c: line \d+: (?:syntax error|unexpected EOF)/m;

/** Whether a check says nothing about the work, since it could not be carried out: its program is not installed, or it is no command. Pure. */
export const isBroken = ({ outcome, output }: Pick<CheckResult, "outcome" | "output">): boolean =>
  outcome.kind === "exited" &&
  ((outcome.exitCode === 127 && NOT_FOUND.test(output)) || (outcome.exitCode === 2 && UNREADABLE.test(output)));

/** The longest text of one `setup_output`, in UTF-16 code units. */
export const SETUP_OUTPUT_MAX = 16 * 1024;

/** Names of the stages, in the order in which a run passes them. `setup`: the environment's script runs, or what it left is found. `checkout`: the result is checked out in a sandbox of its own, for the checks. `budget`: it waits for the money of another day. `push`: it goes to its branch. */
export const STAGES = ["mirror", "image", "setup", "sandbox", "clone", "budget", "checkout", "results", "push"] as const;

const spooledKinds = [
  z.object({ type: z.literal("execution_started"), executionId: z.string(), prompt: z.string() }),
  z.object({ type: z.literal("execution_ended"), executionId: z.string(), outcome: ExecutionOutcome }),
  z.object({ type: z.literal("note"), text: z.string() }),
  z.object({ type: z.literal("question_asked"), question: Question }),
  /** `text`: the answer, in words for people. */
  z.object({ type: z.literal("question_answered"), questionId: z.string(), by: AnsweredBy, text: z.string() }),
] as const;

/**
 * What an executor may say of itself. The agent can reach its spool and its door, so nothing that decides a run's outcome, or
 * tells one, is taken from there.
 */
export const SpooledRunnerBody = z.discriminatedUnion("type", spooledKinds);
export type SpooledRunnerBody = z.infer<typeof SpooledRunnerBody>;

/** What we did, one kind per event. */
export const RunnerBody = z.discriminatedUnion("type", [
  ...spooledKinds,
  z.object({ type: z.literal("status"), status: RunStatus, reason: RunReason.optional(), sentence: z.string() }),
  z.object({
    type: z.literal("stage"),
    stage: z.enum(STAGES),
    state: z.enum(["started", "progress", "finished", "failed"]),
    text: z.string(),
    durationMs: z.number().optional(),
  }),
  /** What the set-up's script prints, piece by piece, with the values of secrets masked; pieces need not end where lines do. */
  z.object({ type: z.literal("setup_output"), text: z.string().max(SETUP_OUTPUT_MAX) }),
  z.object({ type: z.literal("step_started"), stepIndex: z.number().int(), attempt: z.number().int(), instructions: z.string() }),
  z.object({ type: z.literal("step_finished"), stepIndex: z.number().int(), attempt: z.number().int(), passed: z.boolean() }),
  z.object({ type: z.literal("check_started"), stepIndex: z.number().int(), attempt: z.number().int(), command: z.string() }),
  /** `keptOutput`: under this name all of the output can be downloaded, of which the result has a part. */
  z.object({
    type: z.literal("check_finished"),
    stepIndex: z.number().int(),
    attempt: z.number().int(),
    result: CheckResult,
    keptOutput: CheckOutputName.optional(),
  }),
  /** Checks that are stated in prose are given to a judge: what it says follows as the agent's messages of another conversation. */
  z.object({ type: z.literal("judge_started"), stepIndex: z.number().int(), attempt: z.number().int(), text: z.string() }),
  /** `problem` says why there is no verdict. */
  z.object({
    type: z.literal("judge_finished"),
    stepIndex: z.number().int(),
    attempt: z.number().int(),
    verdict: Verdict.nullable(),
    problem: z.string().nullable(),
  }),
  /** The work goes on after something died, or was away: the server, the sandbox or the agent. */
  z.object({ type: z.literal("resumed"), after: z.enum(["server", "sandbox", "agent"]), text: z.string() }),
  /** What a person said to the agent. It is told next, as a prompt of its own. */
  z.object({ type: z.literal("said"), text: z.string() }),
  /** A person has broken off the agent's turn. */
  z.object({ type: z.literal("interrupted") }),
  /** A person has changed how the agent works from now on; null: Claude Code's default model. */
  z.object({
    type: z.literal("configured"),
    model: z.string().nullable().optional(),
    permissionMode: PermissionMode.optional(),
  }),
  /** Something that left, or wanted to leave, the sandbox. Only refused requests are put into the transcript. */
  z.object({ type: z.literal("egress_refused"), record: AuditRecord }),
  /** A person has allowed the run to reach a host, from now on. */
  z.object({ type: z.literal("egress_allowed"), host: z.string(), port: z.number().int() }),
]);
export type RunnerBody = z.infer<typeof RunnerBody>;

/**
 * The spool is a row of files in one folder, one event per line, as JSON; each file is named after the number of its first event, so that
 * the names sort as the events do. Files whose events were all acknowledged are removed.
 */
export const spoolFileName = (firstSeq: number): string => `spool-${String(firstSeq).padStart(12, "0")}.ndjson`;

/** The number of the first event of a spool's file, or null for the name of something else. */
export const firstSeqOfSpoolFile = (name: string): number | null => {
  const digits = /^spool-(\d{12})\.ndjson$/.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
};

/** An event as the executor spools it; `seq` counts from 1 without gaps within one sandbox. */
export const SpoolEvent = z.discriminatedUnion("source", [
  z.object({
    seq: z.number().int().positive(),
    at: Timestamp,
    source: z.literal("agent"),
    /** It comes from a judge, and is no part of the agent's conversation. */
    judges: z.literal(true).optional(),
    body: AgentBody,
  }),
  z.object({ seq: z.number().int().positive(), at: Timestamp, source: z.literal("runner"), body: SpooledRunnerBody }),
]);
export type SpoolEvent = z.infer<typeof SpoolEvent>;

/** One entry of a run's transcript; `seq` counts from 1 without gaps within the run. */
export const Message = z.discriminatedUnion("source", [
  z.object({ runId: RunId, seq: z.number().int().positive(), at: Timestamp, source: z.literal("agent"), body: AgentBody }),
  z.object({ runId: RunId, seq: z.number().int().positive(), at: Timestamp, source: z.literal("runner"), body: RunnerBody }),
]);
export type Message = z.infer<typeof Message>;

export const ReadMessagesInput = z.object({
  id: RunId,
  /** Only messages with a greater `seq`; 0 for all. */
  after: z.number().int().min(0).default(0),
  limit: z.number().int().min(1).max(1000).default(200),
});

export type ReadMessagesInput = z.infer<typeof ReadMessagesInput>;

export const OnMessageInput = z.object({
  id: RunId,
  /** The `seq` of the last message that the client has, as a decimal string (sent by EventSource clients when they reconnect). */
  lastEventId: z
    .string()
    .regex(/^\d{1,15}$/, "is not a sequence number")
    .nullish(),
});
