import { createHash, type randomUUID } from "node:crypto";

export type PromptUuid = ReturnType<typeof randomUUID>;

/**
 * The `uuid` under which an execution's prompt is given to Claude Code, which keeps it: by it an executor that was started again finds the
 * execution's place in the conversation. The salt is there because a conversation may be taken on in another sandbox, where the same id
 * is another prompt. Pure.
 */
export const promptUuid = (salt: string, executionId: string): PromptUuid => {
  const hex = createHash("sha256").update(`${salt}\n${executionId}`).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
};
