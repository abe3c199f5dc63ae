import type { DraftBlock, DraftEvent } from "@ccr/protocol";
import { z } from "zod";
import { Bell } from "./bell.ts";

const Block = z.discriminatedUnion("type", [
  z.object({ type: z.literal("text"), text: z.string().catch("") }),
  z.object({ type: z.literal("thinking"), thinking: z.string().catch("") }),
  z.object({ type: z.literal("tool_use"), name: z.string() }),
]);
const Delta = z.discriminatedUnion("type", [
  z.object({ type: z.literal("text_delta"), text: z.string() }),
  z.object({ type: z.literal("thinking_delta"), thinking: z.string() }),
  z.object({ type: z.literal("input_json_delta"), partial_json: z.string() }),
]);
/** The parts of a partial message that add to what the agent itself is writing; a subagent's have a parent. */
const Partial = z.object({
  parent_tool_use_id: z.null().optional(),
  event: z.discriminatedUnion("type", [
    z.object({ type: z.literal("content_block_start"), index: z.number().int(), content_block: Block }),
    z.object({ type: z.literal("content_block_delta"), index: z.number().int(), delta: Delta }),
  ]),
});
/** A whole message of the agent itself takes the place of what was being written. */
const Whole = z.object({ type: z.enum(["assistant", "user", "result"]), parent_tool_use_id: z.null().optional() });

// A reader that is behind gets the whole again, once; what one message holds is bounded by the model.
const BEHIND_MAX = 1000;

const opened = (index: number, block: z.infer<typeof Block>): DraftBlock => {
  switch (block.type) {
    case "text":
      return { index, kind: "text", name: null, text: block.text };
    case "thinking":
      return { index, kind: "thinking", name: null, text: block.thinking };
    case "tool_use":
      return { index, kind: "tool", name: block.name, text: "" };
  }
};

const added = (delta: z.infer<typeof Delta>): string => {
  switch (delta.type) {
    case "text_delta":
      return delta.text;
    case "thinking_delta":
      return delta.thinking;
    case "input_json_delta":
      return delta.partial_json;
  }
};

/** What an agent is writing now, for whoever wants to look on. Nothing of it is kept: when it is whole, it is a message. */
export class Drafts {
  readonly #bell = new Bell();
  #blocks: DraftBlock[] = [];
  /** What was added since the last `reset`, and how often there was one. */
  #added: DraftBlock[] = [];
  #round = 0;

  /** Takes in a message of the agent, partial or whole. */
  observe(message: unknown): void {
    const partial = Partial.safeParse(message);
    if (partial.success) {
      const { event } = partial.data;
      if (event.type === "content_block_start") this.#add(opened(event.index, event.content_block));
      else {
        const block = this.#blocks.find(({ index }) => index === event.index);
        if (block !== undefined) this.#add({ ...block, text: added(event.delta) });
      }
    } else if (this.#blocks.length > 0 && Whole.safeParse(message).success) this.clear();
  }

  /** Nothing is being written any more. */
  clear(): void {
    if (this.#blocks.length === 0) return;
    this.#blocks = [];
    this.#added = [];
    this.#round += 1;
    this.#bell.ring();
  }

  /** What is being written, and what is added to it, until the signal. Never rejects. */
  async *follow(signal: AbortSignal): AsyncGenerator<DraftEvent, void> {
    let round = -1;
    let seen = 0;
    while (!signal.aborted) {
      if (round !== this.#round || this.#added.length - seen > BEHIND_MAX) {
        round = this.#round;
        seen = this.#added.length;
        yield { type: "reset", blocks: this.#blocks };
      } else if (seen < this.#added.length) {
        const news = joined(this.#added.slice(seen));
        seen = this.#added.length;
        for (const block of news) yield { type: "append", block };
      } else await this.#bell.wait(signal);
    }
  }

  #add(block: DraftBlock): void {
    const known = this.#blocks.find(({ index }) => index === block.index);
    this.#blocks =
      known === undefined
        ? [...this.#blocks, block]
        : this.#blocks.map((each) => (each === known ? { ...each, text: each.text + block.text } : each));
    this.#added.push(block);
    this.#bell.ring();
  }
}

/** What was added to one block in a row, at once. */
const joined = (added: readonly DraftBlock[]): DraftBlock[] => {
  const all: DraftBlock[] = [];
  for (const block of added) {
    const last = all.at(-1);
    if (last?.index === block.index) all[all.length - 1] = { ...last, text: last.text + block.text };
    else all.push(block);
  }
  return all;
};
