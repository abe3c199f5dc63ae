import { request } from "node:http";
import { createInterface } from "node:readline";
import { DraftEvent } from "@ccr/protocol";
import { describe, expect, it } from "vitest";
import { Drafts } from "./drafts.ts";
import { execute, setUp } from "./testing/claude.ts";

const partial = (event: object, parent: string | null = null) => ({ type: "stream_event", parent_tool_use_id: parent, event });
const start = (index: number, content_block: object) => partial({ type: "content_block_start", index, content_block });
const delta = (index: number, change: object) => partial({ type: "content_block_delta", index, delta: change });

/** What a page shows of these events. */
const shown = (events: readonly DraftEvent[]): string[] => {
  let blocks: string[] = [];
  for (const event of events) {
    if (event.type === "reset") blocks = event.blocks.map(({ text }) => text);
    else blocks[event.block.index] = (blocks[event.block.index] ?? "") + event.block.text;
  }
  return blocks;
};

describe("drafts", () => {
  it("gives what is there, then what is added, and begins anew when it has become a message", async () => {
    const drafts = new Drafts();
    const leaving = new AbortController();
    drafts.observe(start(0, { type: "text", text: "" }));
    drafts.observe(delta(0, { type: "text_delta", text: "Hel" }));
    const follower = drafts.follow(leaving.signal);
    expect((await follower.next()).value).toEqual({
      type: "reset",
      blocks: [{ index: 0, kind: "text", name: null, text: "Hel" }],
    });
    drafts.observe(delta(0, { type: "text_delta", text: "l" }));
    drafts.observe(delta(0, { type: "text_delta", text: "o" }));
    expect((await follower.next()).value).toEqual({
      type: "append",
      block: { index: 0, kind: "text", name: null, text: "lo" },
    });
    drafts.observe(start(1, { type: "tool_use", name: "Bash", id: "toolu_1", input: {} }));
    drafts.observe(delta(1, { type: "input_json_delta", partial_json: '{"command"' }));
    expect((await follower.next()).value).toMatchObject({ block: { index: 1, kind: "tool", name: "Bash", text: '{"command"' } });
    drafts.observe({ type: "assistant", parent_tool_use_id: null, message: {} });
    expect((await follower.next()).value).toEqual({ type: "reset", blocks: [] });
    leaving.abort();
    expect(await follower.next()).toEqual({ done: true, value: undefined });
  });

  it("leaves out what subagents write", async () => {
    const drafts = new Drafts();
    drafts.observe(partial({ type: "content_block_start", index: 0, content_block: { type: "text", text: "sub" } }, "toolu_1"));
    expect((await drafts.follow(new AbortController().signal).next()).value).toEqual({ type: "reset", blocks: [] });
  });

  it("gives one that was behind the whole at once", async () => {
    const drafts = new Drafts();
    const follower = drafts.follow(new AbortController().signal);
    await follower.next();
    drafts.observe(start(0, { type: "text", text: "" }));
    for (let n = 0; n < 3000; n++) drafts.observe(delta(0, { type: "text_delta", text: "x" }));
    const { value } = await follower.next();
    expect(value).toMatchObject({ type: "reset", blocks: [{ text: "x".repeat(3000) }] });
  });
});

it("shows what Claude Code is writing while it writes", async () => {
  const text = "All of this is written slowly, word by word. ".repeat(20);
  await using here = await setUp({
    go: [{ blocks: [{ type: "text", text }], pace: { betweenChunksMs: 20, chunkCharacters: 40 } }],
  });
  const events: DraftEvent[] = [];
  const asked = request({ socketPath: here.executor.address, path: "/draft", agent: false });
  asked.on("error", () => {});
  asked.end();
  const seen = new Promise<void>((resolve) => {
    asked.on("response", (response) => {
      const lines = createInterface({ input: response });
      // We leave in the middle of it.
      for (const stream of [response, lines]) stream.on("error", () => {});
      lines.on("line", (line) => {
        events.push(DraftEvent.parse(JSON.parse(line)));
        if (events.length > 3 && shown(events).length === 0) resolve();
      });
    });
  });
  const done = await execute(here.executor, { prompt: "go" });
  await seen;
  asked.destroy();
  const begun = events.findIndex((event) => event.type === "append");
  const end = events.findIndex((event, index) => index > begun && event.type === "reset");
  expect(end - begun).toBeGreaterThan(2);
  expect(shown(events.slice(0, end)).join("")).toBe(text);
  expect(done.at(-1)?.body).toMatchObject({ outcome: { kind: "completed" } });
});
