import type { Message } from "@ccr/protocol";
import type { Builder } from "./derive.ts";
import type { Entry } from "./entry.ts";
import { type JsonRecord, textOf } from "./json.ts";
import type { Place } from "./tree.ts";

export type AgentMessage = Extract<Message, { source: "agent" }>;
export type EntryBase = Pick<Entry, "key" | "seq" | "at">;

/** So many raw bodies, or signals, one entry keeps. */
const KEPT_MAX = 50;

/** The name of a message's kind: `system/init`. */
export const labelOf = (body: JsonRecord): string =>
  [body.type, body.subtype].filter((part): part is string => typeof part === "string").join("/");

/** Inside of what a message stands: the call of a subagent, else the judge that looks at the work. */
export const parentOf = (builder: Builder, body: JsonRecord): Place | null => {
  const id = textOf(body.parent_tool_use_id);
  const place = id === null ? undefined : builder.calls.get(id);
  return place !== undefined && builder.tree.at(place)?.kind === "tool" ? place : builder.judge;
};

export const baseOf = ({ seq, at }: AgentMessage): EntryBase => ({ key: String(seq), seq, at });

/** Keeps a message that is not understood raw; those of one kind in a row together. */
export const addUnknown = (builder: Builder, message: AgentMessage): void => {
  const { body } = message;
  const label = labelOf(body);
  const parent = parentOf(builder, body);
  const last = builder.tree.last(parent);
  if (last?.kind === "unknown" && last.label === label) {
    // The raw view holds them all; a flood must not be copied again for each of its messages.
    const bodies = last.bodies.length < KEPT_MAX ? [...last.bodies, body] : last.bodies;
    builder.tree.replaceLast(parent, { ...last, bodies, count: last.count + 1 });
  } else {
    builder.tree.append(parent, { ...baseOf(message), kind: "unknown", label, bodies: [body], count: 1 });
  }
};

/** A small signal; those in a row stand together. */
export const addSignal = (builder: Builder, message: AgentMessage, text: string): void => {
  const parent = parentOf(builder, message.body);
  const last = builder.tree.last(parent);
  if (last?.kind === "signals") {
    const texts = last.texts.length < KEPT_MAX ? [...last.texts, text] : last.texts;
    builder.tree.replaceLast(parent, { ...last, texts, count: last.count + 1 });
  } else {
    builder.tree.append(parent, { ...baseOf(message), kind: "signals", texts: [text], count: 1 });
  }
};

type Notice = { level?: "info" | "warning" | "error"; more?: string | null };

/** A line that Claude Code says to people; nothing when the text is empty. */
export const addNotice = (
  builder: Builder,
  message: AgentMessage,
  text: string,
  { level = "info", more = null }: Notice = {},
): void => {
  if (text.trim() === "") return;
  const folded = more === null || more.trim() === "" ? null : more;
  builder.tree.append(parentOf(builder, message.body), { ...baseOf(message), kind: "notice", level, text, more: folded });
};
