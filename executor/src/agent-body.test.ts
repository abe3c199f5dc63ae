import { expect, test } from "vitest";
import { readAgentMessage } from "./agent-body.ts";

test("a message is read as it came, with what it says of the conversation and of what is allowed", () => {
  const init = { type: "system", subtype: "init", session_id: "0b5e3a52-0000-4000-8000-000000000000", permissionMode: "plan" };
  expect(readAgentMessage(init)).toEqual({
    kind: "whole",
    body: init,
    permissionMode: "plan",
    sessionId: "0b5e3a52-0000-4000-8000-000000000000",
  });
  const status = { type: "system", subtype: "status", session_id: "x", permissionMode: "as nobody knows it" };
  expect(readAgentMessage(status)).toEqual({ kind: "whole", body: status, permissionMode: null, sessionId: null });
  const said = { type: "assistant", session_id: "x", message: { content: [] } };
  expect(readAgentMessage(said)).toMatchObject({ body: said, permissionMode: null, sessionId: null });
});

test("a part of an answer is none of the messages, and a keep-alive shows nothing but that", () => {
  expect(readAgentMessage({ type: "stream_event", event: { type: "ping" } })).toEqual({ kind: "partial", isPing: true });
  expect(readAgentMessage({ type: "stream_event", event: { type: "message_start" } })).toEqual({
    kind: "partial",
    isPing: false,
  });
});

test.each([null, 3, "text", {}, { type: 7 }])("what is no message, as %j, is wrapped up", (content) => {
  expect(readAgentMessage(content)).toMatchObject({ kind: "whole", body: { type: "unreadable", content } });
});
