import type { AgentBody } from "@ccr/protocol";
import { z } from "zod";
import { readConversation } from "./conversation-file.ts";
import { TURN_UUIDS_MAX } from "./spool-digest.ts";

// What was in a pipe when the executor died is a few messages, thousands only for an agent that floods.
const TURNS_MAX = 1_000;
const SALVAGED_BYTES_MAX = 32 * 1024 * 1024;
/** How much of the end of the file is read. What is before it is long spooled. */
const READ_BYTES_MAX = 64 * 1024 * 1024;

const Common = {
  uuid: z.uuid(),
  timestamp: z.iso.datetime().optional().catch(undefined),
  isSidechain: z.literal(false).default(false),
  isMeta: z.literal(false).default(false),
};
/** The lines of Claude Code's own file that it also gives as messages; of a person's, those that hold what tools gave. */
const Line = z.discriminatedUnion("type", [
  z.object({
    ...Common,
    type: z.literal("assistant"),
    message: z.looseObject({ role: z.literal("assistant"), content: z.array(z.looseObject({ type: z.string() })) }),
    requestId: z.string().optional().catch(undefined),
    error: z.string().optional().catch(undefined),
  }),
  z.object({
    ...Common,
    type: z.literal("user"),
    message: z.looseObject({
      role: z.literal("user"),
      content: z
        .array(z.looseObject({ type: z.string() }))
        .refine((blocks) => blocks.some(({ type }) => type === "tool_result"), "holds no result of a tool"),
    }),
    toolUseResult: z.unknown(),
  }),
]);
type Line = z.infer<typeof Line>;

/** A line of the file in the shape in which Claude Code gives it as a message. Pure. */
const toMessage = (line: Line, session: string): AgentBody => {
  const { type, uuid, timestamp, message } = line;
  const more =
    line.type === "assistant"
      ? { request_id: line.requestId, error: line.error }
      : line.toolUseResult === undefined
        ? {}
        : { tool_use_result: line.toolUseResult };
  return { type, message, parent_tool_use_id: null, session_id: session, uuid, timestamp, ...more };
};

const readLine = (text: string, session: string): { uuid: string } | null => {
  try {
    const ours = z.looseObject({ sessionId: z.literal(session), uuid: z.uuid() });
    return ours.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null; // torn, or none of Claude Code's
  }
};

async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let parts: Buffer[] = [];
  for await (const chunk of chunks) {
    let from = 0;
    for (let newline = chunk.indexOf(10); newline !== -1; newline = chunk.indexOf(10, from)) {
      parts.push(chunk.subarray(from, newline));
      yield Buffer.concat(parts).toString("utf8");
      parts = [];
      from = newline + 1;
    }
    parts.push(chunk.subarray(from));
  }
}

export interface SalvageOptions {
  /** Claude Code's own folder. */
  configFolder: string;
  session: string;
  /** The `uuid` of the prompt: what is before it in the file belongs to earlier ones, or was put there when the conversation was resumed. */
  promptUuid: string;
  /** The `uuid`s of the newest messages that are known. */
  known: readonly string[];
}

/** Picks, line by line, the messages behind a prompt that are not known. */
class Salvage {
  readonly #options: SalvageOptions;
  readonly #seen: Set<string>;
  #messages: AgentBody[] = [];
  #bytes = 0;
  #begun = false;
  #anchored = false;

  constructor(options: SalvageOptions) {
    this.#options = options;
    this.#seen = new Set(options.known);
  }

  take(text: string): void {
    const { session, promptUuid, known } = this.#options;
    const entry = readLine(text, session);
    if (entry === null) return;
    if (entry.uuid === promptUuid) {
      this.#drop();
      this.#begun = true;
      this.#anchored = false;
      return;
    }
    if (this.#seen.has(entry.uuid)) {
      // More are known than these: what comes before all of them in the file was told long ago.
      if (!this.#anchored && known.length >= TURN_UUIDS_MAX) this.#drop();
      this.#anchored = true;
      return;
    }
    const line = Line.safeParse(entry).data;
    if (line === undefined || !(this.#begun || this.#anchored)) return;
    if (this.#messages.length >= TURNS_MAX || this.#bytes + text.length > SALVAGED_BYTES_MAX) return;
    this.#bytes += text.length;
    this.#seen.add(line.uuid);
    this.#messages.push(toMessage(line, session));
  }

  get(): AgentBody[] {
    return this.#messages;
  }

  #drop(): void {
    this.#messages = [];
    this.#bytes = 0;
  }
}

/**
 * The messages of a conversation that Claude Code has in its own file and that are not known, of those that come after a prompt: in the
 * file's order and in the shape of messages. The agent can write to the file: whatever is not of that shape is passed over, and a missing
 * file, or one that holds neither the prompt nor any of the known, gives none. Bounded.
 */
export const salvageTurns = async (options: SalvageOptions): Promise<AgentBody[]> => {
  const { configFolder, session } = options;
  if (!z.uuid().safeParse(session).success) return [];
  const salvage = new Salvage(options);
  for await (const text of linesOf(await openEnd(configFolder, session))) salvage.take(text);
  return salvage.get();
};

const openEnd = async (configFolder: string, session: string): Promise<AsyncIterable<Buffer>> => {
  const measuring = new AbortController();
  try {
    const whole = await readConversation({ configFolder, session, after: 0, signal: measuring.signal });
    if (whole.length <= READ_BYTES_MAX) return whole.chunks;
    measuring.abort();
    const signal = new AbortController().signal;
    return (await readConversation({ configFolder, session, after: whole.length - READ_BYTES_MAX, signal })).chunks;
  } catch {
    return emptyFile(); // there is none
  }
};

async function* emptyFile(): AsyncGenerator<Buffer> {}
