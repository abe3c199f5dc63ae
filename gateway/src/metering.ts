import type { ModelUsage } from "@ccr/protocol";
import { z } from "zod";

/** Reads a copy of an answer of the Messages API for its usage, without ever holding it up. */
export type Meter = {
  push(chunk: Buffer): void;
  /** The usage as far as it was told; null when it was not. */
  usage(): ModelUsage | null;
};

/** Lines that carry usage are a few hundred bytes; longer ones are content and pass unread. */
const MAX_LINE_BYTES = 64 * 1024;
/** An answer without streaming is at most a few hundred kilobytes of text. */
const MAX_JSON_BYTES = 8 * 1024 * 1024;
const NEWLINE = 10;
const DATA = Buffer.from("data:");

const count = z.number().int().nonnegative().nullish();
const Usage = z.object({
  input_tokens: count,
  output_tokens: count,
  cache_read_input_tokens: count,
  cache_creation_input_tokens: count,
});
type Usage = z.infer<typeof Usage>;
const Message = z.object({ model: z.string().max(200), usage: Usage });
const MessageEvent = z.discriminatedUnion("type", [
  z.object({ type: z.literal("message_start"), message: Message }),
  z.object({ type: z.literal("message_delta"), usage: Usage }),
]);

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};

/** Later numbers replace earlier ones: the API tells running totals. */
const merge = (before: ModelUsage, usage: Usage): ModelUsage => ({
  model: before.model,
  inputTokens: usage.input_tokens ?? before.inputTokens,
  outputTokens: usage.output_tokens ?? before.outputTokens,
  cacheReadTokens: usage.cache_read_input_tokens ?? before.cacheReadTokens,
  cacheWriteTokens: usage.cache_creation_input_tokens ?? before.cacheWriteTokens,
});

const nothingUsed = (model: string): ModelUsage => ({
  model,
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
});

const meterEvents = (): Meter => {
  let usage: ModelUsage | null = null;
  let parts: Buffer[] = [];
  let length = 0;

  const readLine = (line: Buffer) => {
    // The cheap test first: nearly every line is a piece of content.
    if (!line.subarray(0, DATA.length).equals(DATA) || !line.includes('"message_')) return;
    const event = MessageEvent.safeParse(parseJson(line.subarray(DATA.length).toString()));
    if (!event.success) return;
    if (event.data.type === "message_start") usage = merge(nothingUsed(event.data.message.model), event.data.message.usage);
    else if (usage !== null) usage = merge(usage, event.data.usage);
  };
  const keep = (part: Buffer) => {
    length += part.length;
    if (length <= MAX_LINE_BYTES) parts.push(part);
    else parts = [];
  };
  return {
    push: (chunk) => {
      let from = 0;
      for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
        const part = chunk.subarray(from, at);
        from = at + 1;
        if (length + part.length <= MAX_LINE_BYTES) readLine(length === 0 ? part : Buffer.concat([...parts, part]));
        parts = [];
        length = 0;
      }
      if (from < chunk.length) keep(chunk.subarray(from));
    },
    usage: () => usage,
  };
};

const meterJson = (): Meter => {
  let parts: Buffer[] = [];
  let length = 0;
  return {
    push: (chunk) => {
      length += chunk.length;
      if (length <= MAX_JSON_BYTES) parts.push(chunk);
      else parts = [];
    },
    usage: () => {
      if (length > MAX_JSON_BYTES) return null;
      const message = Message.safeParse(parseJson(Buffer.concat(parts).toString()));
      return message.success ? merge(nothingUsed(message.data.model), message.data.usage) : null;
    },
  };
};

const noMeter: Meter = { push: () => {}, usage: () => null };

/** A meter for an answer of this content type; bounded memory whatever comes. */
export const createMeter = (contentType: string): Meter => {
  if (/^text\/event-stream\b/i.test(contentType)) return meterEvents();
  if (/^application\/json\b/i.test(contentType)) return meterJson();
  return noMeter;
};
