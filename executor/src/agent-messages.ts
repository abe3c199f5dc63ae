import { z } from "zod";

/** What the executor itself looks at in Claude Code's messages; everything else passes through unread. */
const Seen = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("assistant"),
    message: z.object({ content: z.array(z.unknown()) }),
    error: z.string().optional(),
  }),
  z.object({ type: z.literal("user"), message: z.object({ content: z.union([z.string(), z.array(z.unknown())]) }) }),
  z.object({
    type: z.literal("system"),
    subtype: z.literal("api_retry"),
    error_status: z.number().nullable().catch(null),
    error: z.string().catch("unknown"),
  }),
  z.object({
    type: z.literal("result"),
    subtype: z.string(),
    is_error: z.boolean().catch(false),
    result: z.string().optional().catch(undefined),
    errors: z.array(z.string()).optional().catch(undefined),
    api_error_status: z.number().nullish().catch(undefined),
    api_error: z.string().nullish().catch(undefined),
    terminal_reason: z.string().nullish().catch(undefined),
    stop_reason: z.string().nullish().catch(undefined),
    structured_output: z.unknown().optional(),
    user_message_uuid: z.string().optional().catch(undefined),
    user_message_uuids: z.array(z.string()).optional().catch(undefined),
    origin: z.unknown().optional(),
  }),
  z.object({ type: z.literal("command_lifecycle"), command_uuid: z.string(), state: z.string() }),
]);
export type SeenMessage = z.infer<typeof Seen>;
export type ResultMessage = Extract<SeenMessage, { type: "result" }>;

/** The part of a message that we know; null for every other kind, and for one of a shape that we do not know. */
export const seeMessage = (message: unknown): SeenMessage | null => {
  const seen = Seen.safeParse(message);
  return seen.success ? seen.data : null;
};

const ToolUse = z.object({ type: z.literal("tool_use"), id: z.string(), name: z.string() });
const ToolResult = z.object({ type: z.literal("tool_result"), tool_use_id: z.string() });

/** The tool calls that a message starts. */
export const toolUses = (message: SeenMessage): { id: string; name: string }[] =>
  message.type === "assistant"
    ? message.message.content.flatMap((block) => {
        const use = ToolUse.safeParse(block);
        return use.success ? [use.data] : [];
      })
    : [];

/** The ids of the tool calls that a message ends. */
export const toolResults = (message: SeenMessage): string[] =>
  message.type === "user" && Array.isArray(message.message.content)
    ? message.message.content.flatMap((block) => {
        const result = ToolResult.safeParse(block);
        return result.success ? [result.data.tool_use_id] : [];
      })
    : [];

/**
 * Whether a result ends the turn that began with the prompt `uuid`. The agent also takes turns of its own, for example when a command in
 * the background has ended; their results say so in `origin`. A result that names no prompt and no origin is that of a failed start.
 */
export const isResultOf = (message: ResultMessage, uuid: string): boolean => {
  if (message.user_message_uuids?.includes(uuid) === true || message.user_message_uuid === uuid) return true;
  return message.user_message_uuid === undefined && message.user_message_uuids === undefined && (message.origin ?? null) === null;
};
