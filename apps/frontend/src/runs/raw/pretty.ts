import type { Message } from "@ccr/protocol";

/** A message as it is stored, for people. */
export const prettyMessage = (message: Message): string => JSON.stringify(message, null, 2);
