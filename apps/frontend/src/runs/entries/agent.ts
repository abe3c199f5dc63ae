import type { Message } from "@ccr/protocol";
import type { Builder } from "./derive.ts";
import type { Entry, EntryOf, ToolEntry, ToolImage, ToolResult } from "./entry.ts";
import { isRecord, type JsonRecord, listOf, numberOf, recordOf, textOf } from "./json.ts";
import { advanceTodos } from "./todos.ts";
import type { Place } from "./tree.ts";

type AgentMessage = Extract<Message, { source: "agent" }>;

/** Kinds that say nothing which is not said better elsewhere, and come often. They stay in the raw view. */
const QUIET: ReadonlySet<string> = new Set([
  "stream_event",
  "tool_use_summary",
  "auth_status",
  "prompt_suggestion",
  "keep_alive",
  "command_lifecycle",
  "system/status",
  "system/ui_invalidate",
  "system/thinking_tokens",
  "system/hook_started",
  "system/hook_progress",
  "system/hook_response",
  "system/session_state_changed",
  "system/files_persisted",
  "system/commands_changed",
  "system/background_tasks_changed",
  "system/task_updated",
]);

/** How Claude Code notes in its conversation that it was interrupted. */
const INTERRUPTED = "[Request interrupted by user";
/** Lines for the makers of Claude Code, not for people. */
const DIAGNOSTIC = "[ede_diagnostic]";

/** So many raw bodies one entry shows. */
const BODIES_MAX = 50;

const labelOf = (body: JsonRecord): string =>
  [body.type, body.subtype].filter((part): part is string => typeof part === "string").join("/");

/** Inside of what a message stands: the call of a subagent, else the judge that looks at the work. */
const parentOf = (builder: Builder, body: JsonRecord): Place | null => {
  const id = textOf(body.parent_tool_use_id);
  return (id === null ? undefined : builder.calls.get(id)) ?? builder.judge;
};

/** Adds one message of Claude Code to what is built. Unknown kinds and broken shapes are kept raw. */
export const addAgentMessage = (builder: Builder, message: AgentMessage): void => {
  const { body } = message;
  switch (body.type) {
    case "assistant":
      addAssistant(builder, message);
      return;
    case "user":
      addUser(builder, message);
      return;
    case "result":
      addResult(builder, message);
      return;
    case "system":
      addSystem(builder, message);
      return;
    case "tool_progress":
      setProgress(builder, textOf(body.tool_use_id), `${Math.round(numberOf(body.elapsed_time_seconds) ?? 0)} s`);
      return;
    case "rate_limit_event":
      addRateLimit(builder, message);
      return;
    default:
      if (!QUIET.has(labelOf(body))) addUnknown(builder, message);
  }
};

const addUnknown = (builder: Builder, { seq, at, body }: AgentMessage): void => {
  const label = labelOf(body);
  const parent = parentOf(builder, body);
  const last = builder.tree.last(parent);
  if (last?.kind === "unknown" && last.label === label) {
    // The raw view holds them all; a flood must not be copied again for each of its messages.
    const bodies = last.bodies.length < BODIES_MAX ? [...last.bodies, body] : last.bodies;
    builder.tree.replaceLast(parent, { ...last, bodies, count: last.count + 1 });
  } else {
    builder.tree.append(parent, { kind: "unknown", key: String(seq), seq, at, label, bodies: [body], count: 1 });
  }
};

const blocksOf = (body: JsonRecord): readonly JsonRecord[] | null => {
  const { content } = recordOf(body.message);
  if (typeof content === "string") return [{ type: "text", text: content }];
  return Array.isArray(content) ? content.filter(isRecord) : null;
};

const addAssistant = (builder: Builder, message: AgentMessage): void => {
  const { seq, at, body } = message;
  const blocks = blocksOf(body);
  if (blocks === null) {
    addUnknown(builder, message);
    return;
  }
  const parent = parentOf(builder, body);
  for (const [index, block] of blocks.entries()) {
    const base = { key: index === 0 ? String(seq) : `${seq}.${index}`, seq, at };
    const entry = assistantEntry(builder, base, block, textOf(body.error));
    if (entry === null) continue;
    const place = builder.tree.append(parent, entry);
    if (entry.kind === "tool" && entry.toolUseId !== "") {
      builder.calls.set(entry.toolUseId, place);
      builder.openCalls.set(entry.toolUseId, place);
    }
  }
};

const assistantEntry = (
  builder: Builder,
  base: Pick<Entry, "key" | "seq" | "at">,
  block: JsonRecord,
  error: string | null,
): Entry | null => {
  switch (block.type) {
    case "text": {
      const text = textOf(block.text) ?? "";
      return text.trim() === "" ? null : { ...base, kind: "text", text, error };
    }
    case "thinking": {
      const text = textOf(block.thinking) ?? "";
      return text.trim() === "" ? null : { ...base, kind: "thinking", text };
    }
    case "redacted_thinking":
      return null;
    case "tool_use":
    case "server_tool_use":
    case "mcp_tool_use":
      return {
        ...base,
        kind: "tool",
        toolUseId: textOf(block.id) ?? "",
        name: textOf(block.name) ?? "tool",
        input: recordOf(block.input),
        about: builder.todos.find(({ id }) => id === recordOf(block.input).taskId)?.text ?? null,
        result: null,
        children: [],
        progress: null,
      };
    default:
      return { ...base, kind: "unknown", label: `assistant/${textOf(block.type) ?? "block"}`, bodies: [block], count: 1 };
  }
};

const resultContent = (content: unknown): { text: string; images: ToolImage[] } => {
  if (typeof content === "string") return { text: content, images: [] };
  const parts: string[] = [];
  const images: ToolImage[] = [];
  for (const block of listOf(content).filter(isRecord)) {
    const source = recordOf(block.source);
    const mediaType = textOf(source.media_type);
    const base64 = textOf(source.data);
    if (block.type === "image" && mediaType !== null && base64 !== null) images.push({ mediaType, base64 });
    else parts.push(textOf(block.text) ?? JSON.stringify(block, null, 2));
  }
  return { text: parts.join("\n"), images };
};

const addUser = (builder: Builder, message: AgentMessage): void => {
  const { seq, at, body } = message;
  const blocks = blocksOf(body);
  if (blocks === null) {
    addUnknown(builder, message);
    return;
  }
  const parent = parentOf(builder, body);
  for (const [index, block] of blocks.entries()) {
    const base = { key: index === 0 ? String(seq) : `${seq}.${index}`, seq, at };
    if (block.type === "tool_result") {
      addToolResult(builder, message, block);
    } else if (block.type === "text") {
      const text = textOf(block.text) ?? "";
      if (text.startsWith(INTERRUPTED)) {
        builder.interrupted = true;
        continue;
      }
      // Claude Code repeats the prompt that it was given; the step shows it already.
      if (text.trim() !== "" && !(parent === builder.judge && (text === builder.prompt || text === builder.instructions))) {
        builder.tree.append(parent, { ...base, kind: "prompt", text });
      }
    } else {
      builder.tree.append(parent, {
        ...base,
        kind: "unknown",
        label: `user/${textOf(block.type) ?? "block"}`,
        bodies: [block],
        count: 1,
      });
    }
  }
};

/** Nobody is asked for permission here: a call that was "rejected" was broken off by an interruption. */
const isBrokenOff = (body: JsonRecord, toolUseId: string): boolean =>
  listOf(body.tool_result_meta)
    .filter(isRecord)
    .some(({ id, non_execution_kind }) => id === toolUseId && non_execution_kind === "user-rejected");

const addToolResult = (builder: Builder, message: AgentMessage, block: JsonRecord): void => {
  const { seq, at, body } = message;
  const id = textOf(block.tool_use_id) ?? "";
  const place = builder.calls.get(id);
  const call = place === undefined ? undefined : builder.tree.at(place);
  if (place === undefined || call?.kind !== "tool") {
    builder.tree.append(parentOf(builder, body), {
      kind: "unknown",
      key: String(seq),
      seq,
      at,
      label: "user/tool_result",
      bodies: [block],
      count: 1,
    });
    return;
  }
  const result: ToolResult = {
    ...resultContent(block.content),
    seq,
    at,
    isError: block.is_error === true,
    interrupted: isBrokenOff(body, id),
    structured: body.tool_use_result,
  };
  builder.openCalls.delete(id);
  if (builder.judge === null) builder.todos = advanceTodos(builder.todos, call, result);
  const finished: ToolEntry = { ...call, result };
  builder.tree.replace(place, finished);
};

const setProgress = (builder: Builder, toolUseId: string | null, progress: string | null): boolean => {
  const place = toolUseId === null ? undefined : builder.calls.get(toolUseId);
  const call = place === undefined ? undefined : builder.tree.at(place);
  if (place === undefined || call?.kind !== "tool") return false;
  builder.tree.replace(place, { ...call, progress });
  return true;
};

const errorsOf = (body: JsonRecord, ok: boolean): string[] => {
  const errors = listOf(body.errors).filter((error) => typeof error === "string");
  const said = ok ? null : textOf(body.result);
  return [...errors.filter((error) => !error.startsWith(DIAGNOSTIC)), ...(said === null ? [] : [said])];
};

const addResult = (builder: Builder, { seq, at, body }: AgentMessage): void => {
  const usage = recordOf(body.usage);
  const subtype = textOf(body.subtype) ?? "result";
  const interrupted = builder.interrupted || textOf(body.terminal_reason)?.startsWith("aborted") === true;
  const ok = subtype === "success" && body.is_error !== true && !interrupted;
  const entry: EntryOf<"result"> = {
    kind: "result",
    key: String(seq),
    seq,
    at,
    ok,
    interrupted,
    subtype,
    costUsd: costOfTurn(builder, body),
    turns: numberOf(body.num_turns),
    durationMs: numberOf(body.duration_ms),
    inputTokens: numberOf(usage.input_tokens),
    outputTokens: numberOf(usage.output_tokens),
    errors: interrupted ? [] : errorsOf(body, ok),
  };
  // No answer comes any more to a call that was cut off.
  builder.openCalls.clear();
  builder.tree.append(builder.judge, entry);
};

const addRateLimit = (builder: Builder, { seq, at, body }: AgentMessage): void => {
  const info = recordOf(body.rate_limit_info);
  if (info.status !== "rejected") return;
  const text = "The model's rate limit is used up; Claude Code waits until it is free again.";
  builder.tree.append(builder.judge, { kind: "notice", key: String(seq), seq, at, level: "warning", text });
};

/** Claude Code tells this again for each prompt of a conversation; it is shown when something in it is new. */
const addInit = (builder: Builder, { seq, at, body }: AgentMessage): void => {
  const entry: EntryOf<"init"> = {
    kind: "init",
    key: String(seq),
    seq,
    at,
    model: textOf(body.model),
    version: textOf(body.claude_code_version),
    cwd: textOf(body.cwd),
    tools: listOf(body.tools).filter((tool) => typeof tool === "string"),
  };
  if (builder.judge !== null) {
    builder.tree.append(builder.judge, entry);
    return;
  }
  const said = JSON.stringify([textOf(body.session_id), entry.model, entry.version, entry.cwd, entry.tools]);
  if (said !== builder.init) builder.tree.append(null, entry);
  builder.init = said;
};

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

const addSystem = (builder: Builder, message: AgentMessage): void => {
  const { seq, at, body } = message;
  const base = { key: String(seq), seq, at };
  const parent = parentOf(builder, body);
  const notice = (level: "info" | "warning", text: string | null): void => {
    if (text !== null && text.trim() !== "") builder.tree.append(parent, { ...base, kind: "notice", level, text });
  };
  switch (body.subtype) {
    case "init":
      addInit(builder, message);
      return;
    case "api_retry":
      builder.tree.append(parent, {
        ...base,
        kind: "retry",
        attempt: numberOf(body.attempt) ?? 0,
        maxRetries: numberOf(body.max_retries) ?? 0,
        delayMs: numberOf(body.retry_delay_ms) ?? 0,
        status: numberOf(body.error_status),
        error: textOf(body.error) ?? "unknown",
      });
      return;
    case "compact_boundary": {
      const metadata = recordOf(body.compact_metadata);
      builder.tree.append(parent, {
        ...base,
        kind: "compact",
        trigger: textOf(metadata.trigger) ?? "auto",
        tokensBefore: numberOf(metadata.pre_tokens),
        tokensAfter: numberOf(metadata.post_tokens),
      });
      return;
    }
    case "informational":
      notice(body.level === "warning" ? "warning" : "info", textOf(body.content));
      return;
    case "notification":
      notice("info", textOf(body.text));
      return;
    case "permission_denied":
      notice("warning", `${textOf(body.tool_name) ?? "A tool"} was not allowed: ${textOf(body.message) ?? ""}`);
      return;
    case "task_started":
    case "task_progress":
    case "task_notification": {
      const text = textOf(body.summary) ?? textOf(body.description);
      if (!setProgress(builder, textOf(body.tool_use_id), text) && body.subtype === "task_notification") notice("info", text);
      return;
    }
    default:
      if (!QUIET.has(labelOf(body))) addUnknown(builder, message);
  }
};
