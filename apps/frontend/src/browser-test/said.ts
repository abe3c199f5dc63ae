import type { Message, RunId, Verdict } from "@ccr/protocol";
import type { MemoryBackend } from "./memory-backend.ts";

/*
 * Short ways to write down what is said in a run, for samples and tests.
 */

type AgentBody = Extract<Message, { source: "agent" }>["body"];
type RunnerBody = Extract<Message, { source: "runner" }>["body"];
/** A message before it has a place in a transcript. */
export type Said =
  | { source: "agent"; body: AgentBody; afterMs: number }
  | { source: "runner"; body: RunnerBody; afterMs: number };

const SESSION = "4f5a0c1e-8a53-4c0e-9a55-0a4b1f6f1c11";
/** A message of ours. */
export const we = (body: RunnerBody, afterMs = 20): Said => ({ source: "runner", body, afterMs });
/** A message of Claude Code. */
export const agent = (body: AgentBody, afterMs = 400): Said => ({
  source: "agent",
  body: { session_id: SESSION, ...body },
  afterMs,
});
/** What Claude Code says first of all. */
export const begins = (tools: readonly string[]): Said =>
  agent({
    type: "system",
    subtype: "init",
    model: "claude-sonnet-5",
    claude_code_version: "2.1.330",
    cwd: "/workspace",
    tools,
  });
/** What the model says, block by block. */
export const says = (content: unknown[], parent: string | null = null): Said =>
  agent({ type: "assistant", parent_tool_use_id: parent, message: { role: "assistant", model: "claude-sonnet-5", content } });
/** A block of text. */
export const text = (value: string): unknown => ({ type: "text", text: value });
/** A block that calls a tool. */
export const call = (id: string, name: string, input: unknown): unknown => ({ type: "tool_use", id, name, input });
/** The result of a call. */
export const gave = (
  id: string,
  content: unknown,
  extra: { isError?: boolean; structured?: unknown; parent?: string } = {},
): Said =>
  agent(
    {
      type: "user",
      parent_tool_use_id: extra.parent ?? null,
      message: {
        role: "user",
        content: [{ type: "tool_result", tool_use_id: id, content, ...(extra.isError === true ? { is_error: true } : {}) }],
      },
      ...(extra.structured === undefined ? {} : { tool_use_result: extra.structured }),
    },
    900,
  );

/** The agent ends its turn; `sumUsd`: what its conversation has cost so far. */
export const endedTurn = (
  executionId: string,
  figures: { durationMs: number; turns: number; sumUsd: number; outputTokens: number },
): Said[] => [
  agent({
    type: "result",
    subtype: "success",
    is_error: false,
    duration_ms: figures.durationMs,
    num_turns: figures.turns,
    total_cost_usd: figures.sumUsd,
    result: "Done.",
    usage: { input_tokens: 18_240, output_tokens: figures.outputTokens },
  }),
  we({ type: "execution_ended", executionId, outcome: { kind: "completed", text: "Done." } }),
];

type Tried = { stepIndex: number; attempt: number };

/** A clean checkout is made for the checks. */
export const checkout = (): Said[] => [
  we({
    type: "stage",
    stage: "checkout",
    state: "started",
    text: "Checking out 5b0d2f7a91c3, as the work stands, in a sandbox of its own for the checks.",
  }),
  we({ type: "stage", stage: "checkout", state: "finished", text: "The checkout is ready.", durationMs: 402 }, 402),
];

/** A command of the checks from its start to its end. */
export const checked = (tried: Tried, command: string, exitCode: number, output = ""): Said[] => [
  we({ type: "check_started", ...tried, command }),
  we(
    {
      type: "check_finished",
      ...tried,
      result: {
        command,
        outcome: { kind: "exited", exitCode },
        passed: exitCode === 0,
        output,
        outputTruncated: false,
        durationMs: 812,
      },
    },
    812,
  ),
];

const JUDGE_SESSION = "9d1f77b0-2c55-4f0e-8f11-6a1d0e8c2b42";
const byJudge = (said: Said): Said =>
  said.source === "agent" ? { ...said, body: { ...said.body, session_id: JUDGE_SESSION } } : said;

/** A judge from its start to what it says in the end; null: it gives no verdict. */
export const judged = (tried: Tried, prose: string, verdict: Verdict | null): Said[] => {
  const executionId = `e-${tried.stepIndex}-${tried.attempt}-judge0`;
  const prompt = `Judge whether a piece of work does what it was to do.\n\n<criteria>\n${prose}\n</criteria>`;
  const problem = verdict === null ? "The judge ended without a verdict." : null;
  return [
    we({ type: "judge_started", ...tried, text: prose }),
    ...checkout(),
    we({ type: "execution_started", executionId, prompt }),
    begins(["Read", "Grep", "Glob"]),
    agent({ type: "user", parent_tool_use_id: null, message: { role: "user", content: [text(prompt)] } }),
    says([text("I read what was changed before I decide.")]),
    says([call(`j${tried.stepIndex}${tried.attempt}`, "Read", { file_path: "/workspace/src/slugify.js" })]),
    gave(
      `j${tried.stepIndex}${tried.attempt}`,
      "     1→export const slugify = (text) =>\n     2→  text\n     3→    .normalize('NFD')\n",
    ),
    agent({
      type: "result",
      subtype: "success",
      is_error: false,
      duration_ms: 2100,
      num_turns: 3,
      total_cost_usd: 0.013,
      usage: { input_tokens: 6100, output_tokens: 190 },
    }),
    we({
      type: "execution_ended",
      executionId,
      outcome: { kind: "completed", text: "", ...(verdict === null ? {} : { verdict }) },
    }),
    we({ type: "judge_finished", ...tried, verdict, problem }),
  ].map(byJudge);
};

/** The place in a run's transcript of the first message in which a text stands. */
export const seqOf = (backend: Pick<MemoryBackend, "messagesOf">, id: RunId, part: string): number =>
  backend.messagesOf(id).find(({ body }) => JSON.stringify(body).includes(part))?.seq ?? 0;
