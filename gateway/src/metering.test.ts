import { describe, expect, test } from "vitest";
import { createMeter } from "./metering.ts";

const SSE = "text/event-stream; charset=utf-8";
const event = (data: object) => `event: x\r\ndata: ${JSON.stringify(data)}\r\n\r\n`;
const start = event({
  type: "message_start",
  message: {
    model: "claude-x",
    usage: { input_tokens: 10, output_tokens: 1, cache_read_input_tokens: 7, cache_creation_input_tokens: null },
  },
});
const content = (text: string) => event({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } });
const end = event({ type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 42 } });
const usage = { model: "claude-x", inputTokens: 10, outputTokens: 42, cacheReadTokens: 7, cacheWriteTokens: 0 };

const read = (contentType: string, chunks: (string | Buffer)[]) => {
  const meter = createMeter(contentType);
  for (const chunk of chunks) meter.push(Buffer.from(chunk));
  return meter.usage();
};

describe("createMeter", () => {
  test("reads a stream's usage, wherever it is cut", () => {
    const stream = start + content('"message_delta" 🙂') + end;
    const bytes = Buffer.from(stream);
    for (let at = 0; at <= bytes.length; at += 1) expect(read(SSE, [bytes.subarray(0, at), bytes.subarray(at)])).toEqual(usage);
    expect(
      read(
        SSE,
        [...bytes].map((byte) => Buffer.from([byte])),
      ),
    ).toEqual(usage);
  });

  test("keeps what a stream that broke off had told", () => {
    expect(read(SSE, [start, content("x")])).toEqual({ ...usage, outputTokens: 1 });
    expect(read(SSE, [content("x")])).toBeNull();
  });

  test("takes running totals, also of input", () => {
    const later = event({
      type: "message_delta",
      usage: { input_tokens: 20, output_tokens: 50, cache_creation_input_tokens: 3 },
    });
    expect(read(SSE, [start, end, later])).toEqual({ ...usage, inputTokens: 20, outputTokens: 50, cacheWriteTokens: 3 });
  });

  test("is not confused by long lines, other events and nonsense", () => {
    const long = content(`"message_start" ${"x".repeat(500_000)}`);
    const noise =
      'data: {"type":"message_delta"\n\ndata: "message_start"\n\ndata: {"type":"message_delta","usage":{"output_tokens":-5}}\n\n';
    const chunks = (start + long + noise + end).match(/[\s\S]{1,1000}/g) ?? [];
    expect(read(SSE, chunks)).toEqual(usage);
  });

  test("reads the usage of an answer without streaming", () => {
    const text = JSON.stringify({
      type: "message",
      model: "claude-x",
      content: [],
      usage: { input_tokens: 10, output_tokens: 42 },
    });
    expect(read("application/json", [text.slice(0, 20), text.slice(20)])).toEqual({ ...usage, cacheReadTokens: 0 });
    expect(read("application/json", ['{"input_tokens": 5}'])).toBeNull();
    expect(read("application/json", ["{"])).toBeNull();
    expect(read("text/html", [text])).toBeNull();
  });

  test("gives up on an answer without streaming that is larger than any", () => {
    expect(
      read(
        "application/json",
        Array.from({ length: 10 }, () => Buffer.alloc(1024 * 1024)),
      ),
    ).toBeNull();
  });
});
