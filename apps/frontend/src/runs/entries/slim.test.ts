import { type Message, RunId } from "@ccr/protocol";
import { expect, it } from "vitest";
import { createMiddleFilter } from "./from-middle.ts";
import { createSlimmer } from "./slim.ts";

const agent = (seq: number, body: Record<string, unknown>): Message => ({
  ...{ runId: RunId.parse("run_0123456789"), seq, at: "2026-11-22T20:00:00.000Z", source: "agent" },
  body: { type: "user", ...body },
});

it("a message to keep is the same but for whole files of before", () => {
  const result = { filePath: "a", originalFile: "all of it", structuredPatch: [{ lines: ["+x", "-y"] }], n: [1, null, true] };
  const message = agent(1, {
    message: { content: [{ type: "tool_result", content: "z".repeat(500) }] },
    tool_use_result: result,
  });
  expect(createSlimmer()(message)).toEqual(agent(1, { ...message.body, tool_use_result: { ...result, originalFile: null } }));
});

it("a transcript from its middle leaves out what belongs to calls that were made before, and nothing else", () => {
  const said = (seq: number, ...content: unknown[]): Message => agent(seq, { type: "assistant", message: { content } });
  const gave = (seq: number, id: string): Message =>
    agent(seq, { message: { content: [{ type: "tool_result", tool_use_id: id }] } });
  const inside = (seq: number, parent: string): Message => agent(seq, { type: "assistant", parent_tool_use_id: parent });
  const messages = [
    gave(1, "before"),
    inside(2, "before"),
    said(3, { type: "text", text: "x" }),
    said(4, { type: "tool_use", id: "now", name: "Task" }),
    inside(5, "now"),
    gave(6, "now"),
    agent(7, { message: { content: "told" } }),
  ];
  expect(messages.filter(createMiddleFilter()).map(({ seq }) => seq)).toEqual([3, 4, 5, 6, 7]);
});
