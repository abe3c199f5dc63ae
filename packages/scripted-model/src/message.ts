import { randomUUID } from "node:crypto";
import type { PlayedBlock } from "./choose.ts";
import { estimateTokens } from "./request.ts";

export type MessageBlock = PlayedBlock & { id?: string };

/** An answer as the non-streaming API gives it. */
export interface Message {
  id: string;
  type: "message";
  role: "assistant";
  model: string;
  content: MessageBlock[];
  stop_reason: string | null;
  stop_sequence: null;
  usage: Usage;
}

interface Usage {
  input_tokens: number;
  cache_creation_input_tokens: number;
  cache_read_input_tokens: number;
  output_tokens: number;
  service_tier: "standard";
}

export interface StreamEvent {
  type: string;
  [field: string]: unknown;
}

const id = (prefix: string): string => `${prefix}_${randomUUID().replaceAll("-", "").slice(0, 24)}`;

export const requestId = (): string => id("req");

const blockText = (block: PlayedBlock): string => {
  switch (block.type) {
    case "text":
      return block.text;
    case "thinking":
      return block.thinking;
    case "tool_use":
      return JSON.stringify(block.input);
  }
};

/** The whole answer with fresh ids. */
export const buildMessage = (
  blocks: readonly PlayedBlock[],
  options: { model: string; inputTokens: number; stopReason: string | undefined },
): Message => {
  const characters = blocks.reduce((sum, block) => sum + blockText(block).length, 0);
  return {
    id: id("msg"),
    type: "message",
    role: "assistant",
    model: options.model,
    content: blocks.map((block) => (block.type === "tool_use" ? { ...block, id: id("toolu") } : block)),
    stop_reason: options.stopReason ?? (blocks.some((block) => block.type === "tool_use") ? "tool_use" : "end_turn"),
    stop_sequence: null,
    usage: {
      input_tokens: options.inputTokens,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      output_tokens: estimateTokens(characters),
      service_tier: "standard",
    },
  };
};

const isHighSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdbff;

/** Pieces of at most `size` code units (one more where a surrogate pair would be split); a text of two characters or more gives two pieces or more. */
export const pieces = function* (text: string, size: number): Generator<string> {
  const step = Math.max(1, Math.min(size, Math.ceil(text.length / 2)));
  for (let start = 0; start < text.length; ) {
    let end = Math.min(text.length, start + step);
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end++;
    yield text.slice(start, end);
    start = end;
  }
};

// Live answers come a few words at a time; the ceiling keeps an answer of megabytes from becoming a million events.
const LIVE_PIECE = 24;
const MOST_PIECES = 2_000;

const emptyBlock = (block: MessageBlock): Record<string, unknown> => {
  switch (block.type) {
    case "text":
      return { type: "text", text: "" };
    case "thinking":
      return { type: "thinking", thinking: "", signature: "" };
    case "tool_use":
      return { type: "tool_use", id: block.id, name: block.name, input: {} };
  }
};

const deltaOf = (block: MessageBlock, piece: string): Record<string, unknown> => {
  switch (block.type) {
    case "text":
      return { type: "text_delta", text: piece };
    case "thinking":
      return { type: "thinking_delta", thinking: piece };
    case "tool_use":
      return { type: "input_json_delta", partial_json: piece };
  }
};

/** An event of the stream, with how many characters of content it carries. */
export interface Piece {
  event: StreamEvent;
  characters: number;
}

/** The events of an answer, in the order and form of the streaming API; made one by one, so an answer of any length costs little memory. */
export const streamEvents = function* (message: Message, chunkCharacters: number | undefined): Generator<Piece> {
  const frame = (event: StreamEvent): Piece => ({ event, characters: 0 });
  const start = { ...message, content: [], stop_reason: null, usage: { ...message.usage, output_tokens: 1 } };
  yield frame({ type: "message_start", message: start });
  for (const [index, block] of message.content.entries()) {
    const text = blockText(block);
    const size = chunkCharacters ?? Math.max(LIVE_PIECE, Math.ceil(text.length / MOST_PIECES));
    yield frame({ type: "content_block_start", index, content_block: emptyBlock(block) });
    if (index === 0) yield frame({ type: "ping" });
    if (block.type === "tool_use") yield frame({ type: "content_block_delta", index, delta: deltaOf(block, "") });
    for (const piece of pieces(text, size)) {
      yield { event: { type: "content_block_delta", index, delta: deltaOf(block, piece) }, characters: piece.length };
    }
    if (block.type === "thinking") {
      yield frame({ type: "content_block_delta", index, delta: { type: "signature_delta", signature: block.signature } });
    }
    yield frame({ type: "content_block_stop", index });
  }
  yield frame({
    type: "message_delta",
    delta: { stop_reason: message.stop_reason, stop_sequence: null },
    usage: { output_tokens: message.usage.output_tokens },
  });
  yield frame({ type: "message_stop" });
};

/** One event as it stands on the wire. */
export const encodeEvent = (event: StreamEvent): string => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
