import { addDenial, addTask } from "./agent-calls.ts";
import { type AgentMessage, addNotice, addSignal, addUnknown, baseOf, labelOf, parentOf } from "./agent-message.ts";
import { addInit } from "./agent-turn.ts";
import type { Builder } from "./derive.ts";
import type { CompactEntry, HookEntry } from "./entry.ts";
import { isRecord, type JsonRecord, listOf, numberOf, recordOf, textOf } from "./json.ts";

/** Kinds that say nothing to a person, or what is shown at the calls already. They stay in the raw view. */
const QUIET: ReadonlySet<string> = new Set(["ui_invalidate", "background_tasks_changed"]);

/** Adds a message of the kind `system`. */
export const addSystem = (builder: Builder, message: AgentMessage): void => {
  const { body } = message;
  switch (body.subtype) {
    case "init":
      addInit(builder, message);
      return;
    case "status":
      addStatus(builder, message);
      return;
    case "compact_boundary":
      addBoundary(builder, message);
      return;
    case "api_retry":
      addRetry(builder, message);
      return;
    case "hook_started":
    case "hook_progress":
    case "hook_response":
      addHook(builder, message);
      return;
    case "permission_denied":
      addDenial(builder, message);
      return;
    case "task_started":
    case "task_progress":
    case "task_updated":
    case "task_notification":
      addTask(builder, message);
      return;
    case "thinking_tokens":
      builder.agent.thoughtTokens = Math.max(builder.agent.thoughtTokens, numberOf(body.estimated_tokens) ?? 0);
      return;
    case "local_command_output":
      builder.tree.append(parentOf(builder, body), {
        ...baseOf(message),
        kind: "command",
        name: "",
        args: "",
        output: textOf(body.content) ?? "",
        isError: false,
      });
      return;
    default:
      if (!addSaid(builder, message) && !QUIET.has(textOf(body.subtype) ?? "")) addUnknown(builder, message);
  }
};

const addRetry = (builder: Builder, message: AgentMessage): void => {
  const { body } = message;
  builder.tree.append(parentOf(builder, body), {
    ...baseOf(message),
    kind: "retry",
    attempt: numberOf(body.attempt) ?? 0,
    maxRetries: numberOf(body.max_retries) ?? 0,
    delayMs: numberOf(body.retry_delay_ms) ?? 0,
    status: numberOf(body.error_status),
    error: isRecord(body.no_response) ? "no answer in time" : (textOf(body.error) ?? "unknown"),
  });
};

const nameOf = (value: unknown): string => textOf(recordOf(value).filename) ?? textOf(recordOf(value).path) ?? "a file";

const filesOf = ({ files, failed }: JsonRecord): string =>
  [
    ...listOf(files).map(nameOf),
    ...listOf(failed).map((each) => `${nameOf(each)}: ${textOf(recordOf(each).error) ?? "failed"}`),
  ].join("\n");

/** What is a line of text to a person; false when it is no such kind. */
const addSaid = (builder: Builder, message: AgentMessage): boolean => {
  const { body } = message;
  const text = (key: string): string => textOf(body[key]) ?? "";
  const notice = (...args: [text: string, options?: Parameters<typeof addNotice>[3]]): true => {
    addNotice(builder, message, ...args);
    return true;
  };
  const signal = (said: string): true => {
    addSignal(builder, message, said);
    return true;
  };
  switch (body.subtype) {
    case "informational": {
      const stops = body.prevent_continuation === true ? "\nClaude Code does not go on after this." : "";
      return notice(`${text("content")}${stops}`, { level: body.level === "warning" || stops !== "" ? "warning" : "info" });
    }
    case "notification":
      return notice(text("text"), { level: body.priority === "immediate" ? "warning" : "info" });
    case "memory_recall": {
      const memories = listOf(body.memories).filter(isRecord);
      const more = memories.map(({ path, content }) => [textOf(path), textOf(content)].filter(Boolean).join("\n\n")).join("\n\n");
      return notice(`Recalled from memory: ${memories.length === 1 ? "1 note" : `${memories.length} notes`}`, { more });
    }
    case "model_refusal_fallback":
      return notice(`${text("original_model")} refused; ${text("fallback_model")} answers in its place.`, {
        level: "warning",
        more: [text("content"), text("api_refusal_explanation")].join("\n\n").trim(),
      });
    case "model_refusal_no_fallback":
      return notice(`${text("original_model")} refused to answer.`, {
        level: "error",
        more: [text("content"), text("api_refusal_explanation")].join("\n\n").trim(),
      });
    case "plugin_install": {
      const which = text("name") === "" ? "Plugins" : `Plugin ${text("name")}`;
      if (body.status === "failed") return notice(`${which} could not be installed.`, { level: "warning", more: text("error") });
      return signal(`${which}: ${text("status")}.`);
    }
    case "files_persisted": {
      const failed = listOf(body.failed).length;
      const kept = listOf(body.files).length;
      const said = `${kept === 1 ? "1 file was kept" : `${kept} files were kept`}${failed === 0 ? "" : `, ${failed} could not be`}.`;
      return notice(said, { level: failed === 0 ? "info" : "warning", more: filesOf(body) });
    }
    case "session_writes_lost":
      return notice("Claude Code could not write down all of its conversation: the disk was full.", { level: "warning" });
    case "mirror_error":
      return notice("Claude Code could not copy its conversation to where it is kept.", {
        level: "warning",
        more: text("error"),
      });
    case "worker_shutting_down":
      return notice(`Claude Code's process ends: ${text("reason").replaceAll("_", " ")}.`, { level: "warning" });
    case "session_state_changed":
      if (body.state === "requires_action") return notice("Claude Code waits for an answer.", { level: "warning" });
      return signal(`Claude Code is ${text("state")}.`);
    case "commands_changed":
      return signal(`Slash commands: ${listOf(body.commands).length}.`);
    case "elicitation_complete":
      return signal(`The server ${text("mcp_server_name")} has what it asked for.`);
    case "control_request_progress":
      return signal(`A request to Claude Code: ${text("status").replaceAll("_", " ")}.`);
    default:
      return false;
  }
};

const compaction = (builder: Builder): CompactEntry | null => {
  const { compaction: place } = builder.agent;
  const entry = place === null ? undefined : builder.tree.at(place);
  return entry?.kind === "compact" ? entry : null;
};

const changeCompaction = (builder: Builder, message: AgentMessage, change: Partial<CompactEntry>): void => {
  const known = compaction(builder);
  const { compaction: place } = builder.agent;
  if (place !== null && known !== null) builder.tree.replace(place, { ...known, ...change });
  else {
    builder.agent.compaction = builder.tree.append(parentOf(builder, message.body), {
      ...baseOf(message),
      kind: "compact",
      state: "going",
      trigger: "auto",
      tokensBefore: null,
      tokensAfter: null,
      durationMs: null,
      summary: null,
      error: null,
      ...change,
    });
  }
};

/** What Claude Code does besides answering: it sums up, it asks the model, it changed what it may do unasked. */
const addStatus = (builder: Builder, message: AgentMessage): void => {
  const { body } = message;
  if (body.status === "compacting") {
    builder.agent.compaction = null;
    changeCompaction(builder, message, { state: "going" });
  }
  if (body.compact_result === "failed")
    changeCompaction(builder, message, { state: "failed", error: textOf(body.compact_error) });
  else if (body.compact_result === "success") changeCompaction(builder, message, { state: "done" });
  else if (textOf(body.permissionMode) !== null && body.status !== "compacting") {
    addNotice(builder, message, `Permission mode: ${textOf(body.permissionMode)}`);
  } else if (body.status === "requesting") addSignal(builder, message, "Claude Code asks the model.");
};

const addBoundary = (builder: Builder, message: AgentMessage): void => {
  const metadata = recordOf(message.body.compact_metadata);
  const known = compaction(builder);
  // One that has its numbers is an earlier one.
  if (known !== null && known.tokensBefore !== null) builder.agent.compaction = null;
  changeCompaction(builder, message, {
    state: "done",
    trigger: textOf(metadata.trigger) ?? "auto",
    tokensBefore: numberOf(metadata.pre_tokens),
    tokensAfter: numberOf(metadata.post_tokens),
    durationMs: numberOf(metadata.duration_ms),
  });
};

/** How the summary begins that stands for what was said before. */
const SUMMARY = "This session is being continued from a previous conversation";

/** Takes the summary of a conversation to where it was summed up; false when the text is none. */
export const takeSummary = (builder: Builder, { body }: AgentMessage, text: string): boolean => {
  if (!text.startsWith(SUMMARY) || body.isSynthetic === false) return false;
  const known = compaction(builder);
  const { compaction: place } = builder.agent;
  if (known === null || place === null || known.summary !== null) return false;
  builder.tree.replace(place, { ...known, summary: text });
  return true;
};

const HOOK_STATES: Readonly<Record<string, HookEntry["state"]>> = { success: "success", error: "error", cancelled: "canceled" };

const addHook = (builder: Builder, message: AgentMessage): void => {
  const { body } = message;
  const id = textOf(body.hook_id) ?? "";
  const { hooks } = builder.agent;
  const place = hooks.get(id);
  const known = place === undefined ? undefined : builder.tree.at(place);
  const before: HookEntry =
    known?.kind === "hook"
      ? known
      : {
          ...baseOf(message),
          kind: "hook",
          name: textOf(body.hook_name) ?? labelOf(body),
          event: textOf(body.hook_event) ?? "",
          state: "running",
          output: "",
          exitCode: null,
        };
  const printed = textOf(body.output) ?? "";
  const entry: HookEntry = {
    ...before,
    state: body.subtype === "hook_response" ? (HOOK_STATES[textOf(body.outcome) ?? ""] ?? "success") : before.state,
    output: printed === "" ? before.output : printed,
    exitCode: numberOf(body.exit_code) ?? before.exitCode,
  };
  if (place !== undefined && known?.kind === "hook") builder.tree.replace(place, entry);
  else hooks.set(id, builder.tree.append(parentOf(builder, body), entry));
  if (entry.state !== "running") hooks.delete(id);
};
