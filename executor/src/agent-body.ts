import { AgentBody, PermissionMode } from "@ccr/protocol";
import { z } from "zod";

/** A message of Claude Code, as far as an executor looks into it beyond what it says of its turn. */
export type ReadMessage =
  /** A part of an answer that is being made. `isPing`: a keep-alive of the model's connection, which shows that a server is there and no more. */
  | { kind: "partial"; isPing: boolean }
  | {
      kind: "whole";
      /** As it came; what is no message at all is wrapped up. */
      body: AgentBody;
      /** What it may do without asking, where it says so, which is whenever that has changed. */
      permissionMode: PermissionMode | null;
      /** The conversation, where it says so, which is at its beginning. */
      sessionId: string | null;
    };

const Ping = z.object({ type: z.literal("stream_event"), event: z.object({ type: z.literal("ping") }) });
const Moded = z.object({ type: z.literal("system"), permissionMode: PermissionMode });

const isPartial = (message: unknown): boolean =>
  typeof message === "object" && message !== null && "type" in message && message.type === "stream_event";

const isAgentBody = (message: unknown): message is AgentBody => AgentBody.safeParse(message).success;

/** Reads a message of Claude Code. Pure. */
export const readAgentMessage = (message: unknown): ReadMessage => {
  if (isPartial(message)) return { kind: "partial", isPing: Ping.safeParse(message).success };
  const body = isAgentBody(message) ? message : { type: "unreadable", content: message };
  const moded = Moded.safeParse(body);
  const sessionId = body.type === "system" && body.subtype === "init" ? (body.session_id ?? null) : null;
  return { kind: "whole", body, permissionMode: moded.success ? moded.data.permissionMode : null, sessionId };
};
