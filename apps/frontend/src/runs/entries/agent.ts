import { addProgress, addToolResult, callOf } from "./agent-calls.ts";
import { rememberPlaces } from "./agent-memory.ts";
import {
  type AgentMessage,
  addNotice,
  addSignal,
  addUnknown,
  baseOf,
  type EntryBase,
  labelOf,
  parentOf,
} from "./agent-message.ts";
import { addSystem, takeSummary } from "./agent-system.ts";
import { addRateLimit, addResult } from "./agent-turn.ts";
import { readContent } from "./blocks.ts";
import type { Builder } from "./derive.ts";
import type { Entry } from "./entry.ts";
import { isRecord, type JsonRecord, listOf, numberOf, recordOf, textOf } from "./json.ts";
import { readTagged } from "./tagged.ts";
import type { Place } from "./tree.ts";

/** Kinds that come many times a second, or are for programs alone. They stay in the raw view. */
const QUIET: ReadonlySet<string> = new Set(["stream_event", "keep_alive", "command_lifecycle"]);

/** How Claude Code notes in its conversation that it was interrupted. */
const INTERRUPTED = "[Request interrupted by user";

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
      retract(builder, body.retracted_message_uuids);
      addSystem(builder, message);
      return;
    case "tool_progress":
      addProgress(builder, message);
      return;
    case "rate_limit_event":
      addRateLimit(builder, message);
      return;
    case "tool_use_summary":
      addNotice(builder, message, `In short: ${textOf(body.summary) ?? ""}`);
      return;
    case "prompt_suggestion":
      addNotice(builder, message, `Claude Code suggests to ask next: ${textOf(body.suggestion) ?? ""}`);
      return;
    case "auth_status":
      addAuthStatus(builder, message);
      return;
    case "active_goal": {
      const condition = textOf(recordOf(body.value).condition);
      addNotice(builder, message, condition === null ? "There is no goal any more." : `Goal: ${condition}`);
      return;
    }
    case "conversation_reset":
      addNotice(builder, message, "The conversation was begun anew: what was said before is forgotten.");
      return;
    default:
      if (!QUIET.has(labelOf(body))) addUnknown(builder, message);
  }
};

const addAuthStatus = (builder: Builder, message: AgentMessage): void => {
  const { body } = message;
  const error = textOf(body.error);
  const output = listOf(body.output).filter((line) => typeof line === "string");
  if (error !== null) addNotice(builder, message, `Signing in failed: ${error}`, { level: "error", more: output.join("\n") });
  else addSignal(builder, message, body.isAuthenticating === true ? "Claude Code signs in." : "Claude Code is signed in.");
};

/** What was said in these messages was taken back; what stands in their place is said anew. */
const retract = (builder: Builder, uuids: unknown): void => {
  for (const uuid of listOf(uuids)) {
    const places = typeof uuid === "string" ? builder.agent.byUuid.get(uuid) : undefined;
    for (const place of places ?? []) {
      const was = builder.tree.at(place);
      if (was === undefined || was.kind === "retracted") continue;
      if (was.kind === "tool") builder.openCalls.delete(was.toolUseId);
      builder.tree.replace(place, { key: was.key, seq: was.seq, at: was.at, kind: "retracted", was });
    }
  }
};

const blocksOf = (body: JsonRecord): readonly JsonRecord[] | null => {
  const { content } = recordOf(body.message);
  if (typeof content === "string") return [{ type: "text", text: content }];
  return Array.isArray(content) ? content.filter(isRecord) : null;
};

const keyed = ({ seq, at }: AgentMessage, index: number): EntryBase => ({
  key: index === 0 ? String(seq) : `${seq}.${index}`,
  seq,
  at,
});

const addAssistant = (builder: Builder, message: AgentMessage): void => {
  const { body } = message;
  const blocks = blocksOf(body);
  if (blocks === null) {
    addUnknown(builder, message);
    return;
  }
  retract(builder, body.supersedes);
  if (addLocalCommand(builder, message, blocks)) return;
  const parent = parentOf(builder, body);
  const places: Place[] = [];
  for (const [index, block] of blocks.entries()) {
    if (textOf(block.type)?.endsWith("_tool_result") === true) {
      addToolResult(builder, message, block);
      continue;
    }
    const entry = assistantEntry(builder, message, index, block);
    if (entry === null) continue;
    const place = builder.tree.append(parent, entry);
    places.push(place);
    if (entry.kind === "tool" && entry.toolUseId !== "") {
      builder.calls.set(entry.toolUseId, place);
      builder.openCalls.set(entry.toolUseId, place);
    }
  }
  rememberPlaces(builder.agent, textOf(body.uuid), places);
};

/** What a slash command says comes as if the model had said it. */
const addLocalCommand = (builder: Builder, message: AgentMessage, blocks: readonly JsonRecord[]): boolean => {
  const { body } = message;
  const source = textOf(body.local_command_source);
  if (source === null) return false;
  const run = recordOf(body.local_command_run);
  builder.tree.append(parentOf(builder, body), {
    ...baseOf(message),
    kind: "command",
    name: textOf(run.command) === null ? "" : `/${textOf(run.command)}`,
    args: textOf(run.args) ?? "",
    output: blocks.map(({ text }) => textOf(text) ?? "").join("\n"),
    isError: source.trim().startsWith("<local-command-stderr>"),
  });
  return true;
};

const takeThoughtTokens = (builder: Builder): number | null => {
  const { thoughtTokens } = builder.agent;
  builder.agent.thoughtTokens = 0;
  return thoughtTokens === 0 ? null : thoughtTokens;
};

const assistantEntry = (builder: Builder, message: AgentMessage, index: number, block: JsonRecord): Entry | null => {
  const base = keyed(message, index);
  const { body } = message;
  switch (block.type) {
    case "text": {
      const text = textOf(block.text) ?? "";
      return text.trim() === ""
        ? null
        : { ...base, kind: "text", text, error: textOf(body.error), cutOff: body.aborted === true };
    }
    case "thinking":
    case "redacted_thinking": {
      const text = textOf(block.thinking) ?? "";
      const redacted = block.type === "redacted_thinking";
      const tokens = takeThoughtTokens(builder);
      // A thought of which nothing is to be seen or known is none to a person.
      if (text.trim() === "" && !redacted && tokens === null) return null;
      return { ...base, kind: "thinking", text, redacted, tokens, durationMs: numberOf(body.thinking_duration_ms) };
    }
    case "tool_use":
    case "server_tool_use":
    case "mcp_tool_use":
      return callOf(builder, base, block, body);
    default:
      return { ...base, kind: "unknown", label: `assistant/${textOf(block.type) ?? "block"}`, bodies: [block], count: 1 };
  }
};

/** Who speaks to the agent, when it is neither we nor a tool. */
const originOf = ({ origin }: JsonRecord): string | null => {
  const { kind, server, name, from } = recordOf(origin);
  switch (kind) {
    case "channel":
      return `the channel ${textOf(server) ?? ""}`.trim();
    case "peer":
      return textOf(name) ?? textOf(from) ?? "another agent";
    case "task-notification":
      return "a task in the background";
    default:
      return null;
  }
};

const addUser = (builder: Builder, message: AgentMessage): void => {
  const { body } = message;
  const blocks = blocksOf(body);
  if (blocks === null) {
    addUnknown(builder, message);
    return;
  }
  const parent = parentOf(builder, body);
  const places: Place[] = [];
  for (const [index, block] of blocks.entries()) {
    if (block.type === "tool_result") addToolResult(builder, message, block);
    else if (block.type === "text") {
      const place = addUserText(builder, message, keyed(message, index), textOf(block.text) ?? "");
      if (place !== null) places.push(place);
    } else if (block.type === "image" || block.type === "document") {
      const { images, others } = readContent([block]);
      const told = { ...keyed(message, index), kind: "prompt", text: "", from: originOf(body) } as const;
      places.push(builder.tree.append(parent, { ...told, images, others }));
    } else {
      const base = { ...keyed(message, index), kind: "unknown", label: `user/${textOf(block.type) ?? "block"}` } as const;
      places.push(builder.tree.append(parent, { ...base, bodies: [block], count: 1 }));
    }
  }
  rememberPlaces(builder.agent, textOf(body.uuid), places);
};

const addUserText = (builder: Builder, message: AgentMessage, base: EntryBase, text: string): Place | null => {
  const parent = parentOf(builder, message.body);
  if (text.startsWith(INTERRUPTED)) {
    builder.interrupted = true;
    return null;
  }
  if (takeSummary(builder, message, text)) return null;
  const tagged = readTagged(text);
  if (tagged?.kind === "command") {
    const { name, args } = tagged;
    const place = builder.tree.append(parent, { ...base, kind: "command", name, args, output: null, isError: false });
    builder.agent.command = place;
    return place;
  }
  if (tagged?.kind === "output") return addCommandOutput(builder, parent, base, tagged);
  // Claude Code repeats the prompt that it was given; the step shows it already.
  const isRepeated = parent === builder.judge && (text === builder.prompt || text === builder.instructions);
  if (text.trim() === "" || isRepeated) return null;
  const said = tagged?.kind === "notification" ? tagged.text : text;
  const from = tagged?.kind === "notification" ? "a task in the background" : originOf(message.body);
  return builder.tree.append(parent, { ...base, kind: "prompt", text: said, from, images: [], others: [] });
};

type Printed = { text: string; isError: boolean };

/** What a slash command printed stands at the command, if nothing else came in between. */
const addCommandOutput = (builder: Builder, parent: Place | null, base: EntryBase, { text, isError }: Printed): Place | null => {
  const place = builder.agent.command;
  builder.agent.command = null;
  const command = place === null ? undefined : builder.tree.at(place);
  if (place !== null && command?.kind === "command" && builder.tree.last(parent) === command) {
    builder.tree.replace(place, { ...command, output: text, isError });
    return null;
  }
  return builder.tree.append(parent, { ...base, kind: "command", name: "", args: "", output: text, isError });
};
