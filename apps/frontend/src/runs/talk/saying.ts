import type { RunId } from "@ccr/protocol";
import { useSyncExternalStore } from "react";
import { z } from "zod";
import { describeError } from "../../api/errors.ts";
import { newIdempotencyKey } from "../../launch/launch-keys.ts";
import { readDraft, storeDraft } from "../../ui/draft.ts";

/** Words, and the key under which they are said once, however often they are sent. */
const Words = z.object({ text: z.string(), key: z.string() });
type Words = z.infer<typeof Words>;
const Kept = z.object({ written: Words, sending: Words.nullable() });

/** What stands in the box, what of it is on its way to the server, and why it is not there. */
export type Saying = z.infer<typeof Kept> & { problem: string | null };

const wordsOf = (text: string): Words => ({ text, key: newIdempotencyKey() });

/** Words that did not get through are written again, and what was written meanwhile comes behind them. */
const putBack = ({ written, sending }: z.infer<typeof Kept>): Words => {
  if (sending === null) return written;
  return written.text.trim() === "" ? sending : wordsOf(`${sending.text}\n\n${written.text}`);
};

export type SayingStore = {
  get(): Saying;
  subscribe(changed: () => void): () => void;
  write(text: string): void;
  /** Gives other words to say beside those in the box. */
  add(text: string): void;
  /** The same words are to be said again, as others. */
  renew(): void;
  /** Empties the box, and says what stood in it; what does not get through stands there again. */
  send(say: (words: Words) => Promise<unknown>): Promise<void>;
};

/**
 * What a person says to a run, kept in this tab's session storage: it outlives that its part of the page is closed, and a reload. What was on its way
 * then is written again, under its key.
 */
export const createSaying = (id: RunId): SayingStore => {
  const place = `ccr.say.${id}`;
  const kept = readDraft(place, Kept);
  let saying: Saying = { written: kept === null ? wordsOf("") : putBack(kept), sending: null, problem: null };
  const listeners = new Set<() => void>();
  const change = (patch: Partial<Saying>): void => {
    saying = { ...saying, ...patch };
    const { written, sending } = saying;
    storeDraft(place, written.text === "" && sending === null ? null : { written, sending });
    for (const each of listeners) each();
  };
  const write = (text: string): void => {
    // Other words are another thing to say.
    if (text !== saying.written.text) change({ written: wordsOf(text), problem: null });
  };
  return {
    get: () => saying,
    subscribe: (changed) => {
      listeners.add(changed);
      return () => listeners.delete(changed);
    },
    write,
    add: (text) => write(saying.written.text.trim() === "" ? text : `${saying.written.text}\n\n${text}`),
    renew: () => change({ written: wordsOf(saying.written.text) }),
    send: async (say) => {
      if (saying.sending !== null || saying.written.text.trim() === "") return;
      const words = saying.written;
      change({ written: wordsOf(""), sending: words, problem: null });
      try {
        await say(words);
        change({ sending: null });
      } catch (error) {
        change({ written: putBack(saying), sending: null, problem: describeError(error) });
      }
    },
  };
};

const stores = new Map<RunId, SayingStore>();

/** What is being said to a run: one for the whole page, whichever part of it is open. */
export const useSaying = (id: RunId): Saying & SayingStore => {
  const store = stores.get(id) ?? createSaying(id);
  stores.set(id, store);
  return { ...store, ...useSyncExternalStore(store.subscribe, store.get) };
};
