import type { Message } from "@ccr/protocol";
import { isRecord, listOf, recordOf, textOf } from "./json.ts";

/**
 * Leaves out of a transcript that begins in the middle what belongs to a call that was made before: on its own it says nothing. For messages
 * in order, one after the other.
 */
export const createMiddleFilter = (): ((message: Message) => boolean) => {
  const calls = new Set<string>();
  return ({ source, body }) => {
    if (source !== "agent") return true;
    const parent = textOf(body.parent_tool_use_id);
    if (parent !== null && !calls.has(parent)) return false;
    const blocks = listOf(recordOf(body.message).content).filter(isRecord);
    for (const block of blocks) {
      const id = textOf(block.id);
      if (block.type !== "text" && id !== null) calls.add(id);
    }
    const answered = blocks.filter(({ type }) => type === "tool_result").map((block) => textOf(block.tool_use_id) ?? "");
    return answered.length === 0 || answered.some((id) => calls.has(id));
  };
};
