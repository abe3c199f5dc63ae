import type { Place } from "./tree.ts";

/** Messages may be taken back that are at most so many messages old. */
const REMEMBERED_MESSAGES = 400;

/** What the deriving remembers of Claude Code's messages alone. */
export type AgentMemory = {
  /** Subagents and commands in the background, by their own ids. */
  readonly tasks: Map<string, Place>;
  readonly hooks: Map<string, Place>;
  /** Where the entries of the newest messages stand, by the messages' own ids. */
  readonly byUuid: Map<string, readonly Place[]>;
  /** The newest summing up of the conversation. */
  compaction: Place | null;
  /** The newest slash command, whose output may yet come. */
  command: Place | null;
  /** About how many tokens were thought since the model last said something. */
  thoughtTokens: number;
};

export const newAgentMemory = (): AgentMemory => ({
  tasks: new Map(),
  hooks: new Map(),
  byUuid: new Map(),
  compaction: null,
  command: null,
  thoughtTokens: 0,
});

/** Remembers where the entries of a message stand, and forgets the oldest. */
export const rememberPlaces = ({ byUuid }: AgentMemory, uuid: string | null, places: readonly Place[]): void => {
  if (uuid === null || places.length === 0) return;
  byUuid.set(uuid, places);
  for (const oldest of byUuid.keys()) {
    if (byUuid.size <= REMEMBERED_MESSAGES) break;
    byUuid.delete(oldest);
  }
};
