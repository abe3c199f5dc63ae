import { type AgentMessage, addSignal, baseOf } from "./agent-message.ts";
import type { Builder } from "./derive.ts";
import type { EntryOf, ModelUsage } from "./entry.ts";
import { isRecord, type JsonRecord, listOf, numberOf, recordOf, textOf } from "./json.ts";
import { toolSubject } from "./tool-subject.ts";

/** Lines for the makers of Claude Code, not for people. */
const DIAGNOSTIC = "[ede_diagnostic]";

const texts = (value: unknown): string[] => listOf(value).filter((each) => typeof each === "string");

const errorsOf = (body: JsonRecord, ok: boolean): string[] => {
  const said = ok ? null : textOf(body.result);
  return [
    ...texts(body.errors).filter((error) => !error.startsWith(DIAGNOSTIC)),
    ...(said === null || said === "" ? [] : [said]),
  ];
};

const modelsOf = (value: unknown): ModelUsage[] =>
  Object.entries(recordOf(value)).flatMap(([model, usage]) =>
    isRecord(usage)
      ? [
          {
            model,
            inputTokens: numberOf(usage.inputTokens) ?? 0,
            outputTokens: numberOf(usage.outputTokens) ?? 0,
            cacheReadTokens: numberOf(usage.cacheReadInputTokens) ?? 0,
            cacheWriteTokens: numberOf(usage.cacheCreationInputTokens) ?? 0,
          },
        ]
      : [],
  );

/** What this turn alone cost: Claude Code tells the sum of its conversation. */
const costOfTurn = (builder: Builder, body: JsonRecord): number | null => {
  const sum = numberOf(body.total_cost_usd);
  if (sum === null) return null;
  const session = textOf(body.session_id) ?? "";
  const before = builder.costs.get(session) ?? 0;
  builder.costs.set(session, sum);
  // A sum that fell was begun anew.
  return sum >= before ? sum - before : sum;
};

/** The end of a turn. */
export const addResult = (builder: Builder, message: AgentMessage): void => {
  const { body } = message;
  const usage = recordOf(body.usage);
  const reason = textOf(body.terminal_reason);
  const interrupted = builder.interrupted || reason?.startsWith("aborted") === true;
  const ok = (textOf(body.subtype) ?? "") === "success" && body.is_error !== true && !interrupted;
  // An error that was said as if the model had said it is not said twice.
  const last = builder.tree.last(builder.judge);
  const entry: EntryOf<"result"> = {
    ...baseOf(message),
    kind: "result",
    ok,
    interrupted,
    subtype: textOf(body.subtype) ?? "result",
    costUsd: costOfTurn(builder, body),
    turns: numberOf(body.num_turns),
    durationMs: numberOf(body.duration_ms),
    inputTokens: numberOf(usage.input_tokens),
    outputTokens: numberOf(usage.output_tokens),
    errors: interrupted ? [] : errorsOf(body, ok).filter((error) => !(last?.kind === "text" && last.text === error)),
    reason,
    apiStatus: numberOf(body.api_error_status),
    denials: listOf(body.permission_denials)
      .filter(isRecord)
      .map(({ tool_name, tool_input }) => ({
        name: textOf(tool_name) ?? "A tool",
        subject: toolSubject(textOf(tool_name) ?? "", recordOf(tool_input)),
      })),
    structured: body.structured_output,
    models: modelsOf(body.modelUsage),
    command: textOf(body.local_command),
  };
  // No answer comes any more to a call that was cut off.
  builder.openCalls.clear();
  builder.tree.append(builder.judge, entry);
};

/** Claude Code tells this again for each prompt of a conversation; it is shown when something in it is new. */
export const addInit = (builder: Builder, message: AgentMessage): void => {
  const { body } = message;
  const named = (value: unknown): string[] =>
    listOf(value).flatMap((each) => (typeof each === "string" ? [each] : (textOf(recordOf(each).name) ?? [])));
  const entry: EntryOf<"init"> = {
    ...baseOf(message),
    kind: "init",
    model: textOf(body.model),
    version: textOf(body.claude_code_version),
    cwd: textOf(body.cwd),
    tools: texts(body.tools),
    permissionMode: textOf(body.permissionMode),
    servers: listOf(body.mcp_servers)
      .filter(isRecord)
      .map(({ name, status }) => ({ name: textOf(name) ?? "", status: textOf(status) ?? "" })),
    agents: named(body.agents),
    skills: named(body.skills),
    plugins: named(body.plugins),
  };
  if (builder.judge !== null) {
    builder.tree.append(builder.judge, entry);
    return;
  }
  const { key: _, seq: __, at: ___, ...about } = entry;
  const said = JSON.stringify([textOf(body.session_id), about]);
  if (said !== builder.init) builder.tree.append(null, entry);
  builder.init = said;
};

const LIMITS: Readonly<Record<string, string>> = {
  five_hour: "five-hour limit",
  seven_day: "seven-day limit",
  seven_day_opus: "seven-day limit of Opus",
  seven_day_sonnet: "seven-day limit of Sonnet",
  seven_day_overage_included: "seven-day limit",
  overage: "limit of extra usage",
};

/** Claude Code tells seconds since 1970; the date is left out when it is none. */
const momentOf = (seconds: number | null): string | null => {
  const date = new Date((seconds ?? Number.NaN) * 1000);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
};

/** How the model's rate limits stand. That all is well is a small signal. */
export const addRateLimit = (builder: Builder, message: AgentMessage): void => {
  const info = recordOf(message.body.rate_limit_info);
  const limit = LIMITS[textOf(info.rateLimitType) ?? ""] ?? "rate limit";
  const used = numberOf(info.utilization);
  if (info.status !== "rejected" && info.status !== "allowed_warning") {
    const share = used === null ? "" : `, ${Math.round(used * 100)} % used`;
    addSignal(builder, message, `The model's ${limit} allows more${share}.`);
    return;
  }
  builder.tree.append(builder.judge, {
    ...baseOf(message),
    kind: "rate_limit",
    status: info.status,
    limit,
    used,
    resetsAt: momentOf(numberOf(info.resetsAt)),
  });
};
