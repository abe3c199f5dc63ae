import { type AgentMessage, addNotice, addUnknown, baseOf, type EntryBase, parentOf } from "./agent-message.ts";
import { readContent, withoutErrorTags } from "./blocks.ts";
import type { Builder } from "./derive.ts";
import type { BackgroundTask, ToolEntry, ToolResult } from "./entry.ts";
import { isRecord, type JsonRecord, listOf, numberOf, recordOf, textOf } from "./json.ts";
import { advanceTodos } from "./todos.ts";
import type { Place } from "./tree.ts";

/** The call that a block makes. */
export const callOf = (builder: Builder, base: EntryBase, block: JsonRecord, body: JsonRecord): ToolEntry => {
  const id = textOf(block.id) ?? "";
  const meta = listOf(body.tool_use_meta)
    .filter(isRecord)
    .find((each) => each.id === id);
  // The model's API itself tells the server of an MCP tool that it called.
  const server = textOf(meta?.server_display_name) ?? textOf(block.server_name);
  const tool = textOf(meta?.display_name) ?? textOf(meta?.tool_name) ?? textOf(block.name);
  return {
    ...base,
    kind: "tool",
    toolUseId: id,
    name: textOf(block.name) ?? "tool",
    input: recordOf(block.input),
    about: builder.todos.find((todo) => todo.id === recordOf(block.input).taskId)?.text ?? null,
    result: null,
    children: [],
    progress: null,
    task: null,
    denied: null,
    title: server === null || tool === null ? null : { server, tool },
  };
};

const changeCall = (builder: Builder, place: Place | undefined, change: (call: ToolEntry) => ToolEntry): boolean => {
  const call = place === undefined ? undefined : builder.tree.at(place);
  if (place === undefined || call?.kind !== "tool") return false;
  builder.tree.replace(place, change(call));
  return true;
};

const changeCallOf = (builder: Builder, toolUseId: unknown, change: (call: ToolEntry) => ToolEntry): boolean =>
  changeCall(builder, typeof toolUseId === "string" ? builder.calls.get(toolUseId) : undefined, change);

const metaOf = (body: JsonRecord, toolUseId: string): JsonRecord =>
  recordOf(
    listOf(body.tool_result_meta)
      .filter(isRecord)
      .find(({ id }) => id === toolUseId),
  );

/** Adds a result to its call. Blocks of server tools, whose results stand among what the model says, are read as well. */
export const addToolResult = (builder: Builder, message: AgentMessage, block: JsonRecord): void => {
  const { seq, at, body } = message;
  const id = textOf(block.tool_use_id) ?? "";
  const place = builder.calls.get(id);
  const call = place === undefined ? undefined : builder.tree.at(place);
  if (place === undefined || call?.kind !== "tool") {
    const base = { ...baseOf(message), kind: "unknown", label: "user/tool_result" } as const;
    builder.tree.append(parentOf(builder, body), { ...base, bodies: [block], count: 1 });
    return;
  }
  const content = readContent(block.content);
  const isError = block.is_error === true || (isRecord(block.content) && textOf(block.content.type)?.endsWith("_error") === true);
  const { non_execution_kind: kept } = metaOf(body, id);
  const result: ToolResult = {
    ...content,
    text: isError ? withoutErrorTags(content.text) : content.text,
    seq,
    at,
    isError,
    // Nobody is asked for permission here: a call that was "rejected" was broken off by an interruption.
    interrupted: kept === "user-rejected",
    structured: body.tool_use_result,
  };
  builder.openCalls.delete(id);
  if (builder.judge === null) builder.todos = advanceTodos(builder.todos, call, result);
  const wasRefused = typeof kept === "string" && kept !== "user-rejected";
  builder.tree.replace(place, { ...call, result, denied: call.denied ?? (wasRefused ? result.text : null) });
};

/** A call that goes on tells for how long. */
export const addProgress = (builder: Builder, { body }: AgentMessage): void => {
  const retry = recordOf(body.subagent_retry);
  const attempt = numberOf(retry.attempt);
  const seconds = `${Math.round(numberOf(body.elapsed_time_seconds) ?? 0)} s`;
  const text =
    attempt === null ? seconds : `the model's API did not answer well; try ${attempt} of ${numberOf(retry.max_retries) ?? "?"}`;
  changeCallOf(builder, body.tool_use_id, (call) => ({ ...call, progress: text }));
};

/** A call that was not let be made. */
export const addDenial = (builder: Builder, message: AgentMessage): void => {
  const { body } = message;
  const said = textOf(body.message) ?? "";
  const reason = textOf(body.decision_reason);
  const denied = reason === null || said.includes(reason) ? said : `${reason}. ${said}`;
  if (changeCallOf(builder, body.tool_use_id, (call) => ({ ...call, denied }))) return;
  addNotice(builder, message, `${textOf(body.tool_name) ?? "A tool"} was not allowed: ${denied}`, { level: "warning" });
};

const usageOf = (value: unknown, before: BackgroundTask["usage"]): BackgroundTask["usage"] => {
  if (!isRecord(value)) return before;
  return {
    tokens: numberOf(value.total_tokens),
    calls: numberOf(value.tool_uses),
    durationMs: numberOf(value.duration_ms),
  };
};

const TASK_STATUSES: Readonly<Record<string, BackgroundTask["status"]>> = {
  pending: "running",
  running: "running",
  paused: "paused",
  completed: "completed",
  failed: "failed",
  stopped: "stopped",
  killed: "stopped",
};
const statusOf = (value: unknown, before: BackgroundTask["status"]): BackgroundTask["status"] =>
  (typeof value === "string" && Object.hasOwn(TASK_STATUSES, value) ? TASK_STATUSES[value] : undefined) ?? before;

const begun = (message: AgentMessage): BackgroundTask => ({
  id: textOf(message.body.task_id) ?? "",
  status: "running",
  inBackground: message.body.is_backgrounded === true,
  startedAt: message.at,
  endedAt: null,
  usage: null,
  report: null,
});

const advanceTask = (task: BackgroundTask, { at, body }: AgentMessage): BackgroundTask => {
  switch (body.subtype) {
    case "task_updated": {
      const patch = recordOf(body.patch);
      const status = statusOf(patch.status, task.status);
      const isOver = status !== "running" && status !== "paused";
      return {
        ...task,
        status,
        inBackground: typeof patch.is_backgrounded === "boolean" ? patch.is_backgrounded : task.inBackground,
        endedAt: isOver ? (task.endedAt ?? at) : null,
        report: textOf(patch.error) ?? task.report,
      };
    }
    case "task_notification":
      return {
        ...task,
        status: statusOf(body.status, "completed"),
        endedAt: task.endedAt ?? at,
        usage: usageOf(body.usage, task.usage),
        report: textOf(body.summary) ?? task.report,
      };
    default:
      return { ...task, usage: usageOf(body.usage, task.usage) };
  }
};

const NOTIFIED: Readonly<Record<string, string>> = { completed: "ended", failed: "failed", stopped: "was stopped" };

/** What is told of a subagent or of a command in the background; it is shown at its call. */
export const addTask = (builder: Builder, message: AgentMessage): void => {
  const { body } = message;
  const { tasks } = builder.agent;
  const taskId = textOf(body.task_id) ?? "";
  const toolUseId = textOf(body.tool_use_id);
  const place = (toolUseId === null ? undefined : builder.calls.get(toolUseId)) ?? tasks.get(taskId);
  const says = body.subtype === "task_progress" ? (textOf(body.summary) ?? textOf(body.description)) : null;
  const changed = changeCall(builder, place, (call) => ({
    ...call,
    task: body.subtype === "task_started" ? begun(message) : advanceTask(call.task ?? begun(message), message),
    progress: says ?? call.progress,
  }));
  if (changed && place !== undefined) {
    tasks.set(taskId, place);
    return;
  }
  if (body.skip_transcript === true || body.ambient === true) return;
  const description = textOf(body.description) ?? `Task ${taskId}`;
  if (body.subtype === "task_notification") {
    const status = textOf(body.status) ?? "";
    const text = `A task in the background ${NOTIFIED[status] ?? "ended"}`;
    addNotice(builder, message, text, { level: status === "failed" ? "warning" : "info", more: textOf(body.summary) });
  } else if (body.subtype === "task_started") addNotice(builder, message, `A task began in the background: ${description}`);
  // What it says in between is of use only where the task is shown.
  else if (body.subtype !== "task_progress" && body.subtype !== "task_updated") addUnknown(builder, message);
};
