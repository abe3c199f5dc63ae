import { describe, expect, it } from "vitest";
import { isResultOf, seeMessage, toolResults, toolUses } from "./agent-messages.ts";

const result = (fields: object) => {
  const seen = seeMessage({ type: "result", subtype: "success", ...fields });
  if (seen?.type !== "result") throw new Error("the result was not seen");
  return seen;
};

describe("seeMessage", () => {
  it("passes over kinds that it does not know, and shapes that it does not know", () => {
    for (const message of [
      null,
      7,
      "x",
      [],
      {},
      { type: 3 },
      { type: "new_kind" },
      { type: "assistant" },
      { type: "assistant", message: { content: 1 } },
    ])
      expect(seeMessage(message)).toBeNull();
  });

  it("sees a result whose optional fields are forged", () => {
    expect(result({ result: 7, errors: "x", api_error_status: {}, is_error: "yes", user_message_uuid: 1 })).toMatchObject({
      is_error: false,
    });
  });

  it("finds the tool calls that start and end", () => {
    const content = [
      { type: "text", text: "a" },
      { type: "tool_use", id: "t1", name: "Bash", input: {} },
      { type: "tool_use", id: 3 },
      null,
    ];
    const started = seeMessage({ type: "assistant", message: { content } });
    const ended = seeMessage({ type: "user", message: { content: [{ type: "tool_result", tool_use_id: "t1", content: "" }] } });
    if (started === null || ended === null) throw new Error("a message was not seen");
    expect(toolUses(started)).toEqual([{ type: "tool_use", id: "t1", name: "Bash" }]);
    expect(toolResults(ended)).toEqual(["t1"]);
  });
});

describe("isResultOf", () => {
  it("takes the result of the prompt, also when prompts were answered together", () => {
    expect(isResultOf(result({ user_message_uuid: "u1" }), "u1")).toBe(true);
    expect(isResultOf(result({ user_message_uuid: "u2", user_message_uuids: ["u1", "u2"] }), "u1")).toBe(true);
  });

  it("leaves the result of another prompt, and of a turn that the agent took by itself", () => {
    expect(isResultOf(result({ user_message_uuid: "u2" }), "u1")).toBe(false);
    expect(isResultOf(result({ origin: { kind: "task-notification" } }), "u1")).toBe(false);
  });

  it("takes the result of a start that failed, which names no prompt", () => {
    expect(isResultOf(result({ subtype: "error_during_execution", errors: ["x"] }), "u1")).toBe(true);
  });
});
