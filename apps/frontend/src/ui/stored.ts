import { useSyncExternalStore } from "react";
import type { z } from "zod";

/** A small thing that this browser keeps, the same in all its tabs. What cannot be read counts as the usual value. */
export interface Stored<Value> {
  read(): Value;
  write(value: Value): void;
  subscribe(changed: () => void): () => void;
}

const CHANGED = "ccr:stored";

/** Keeps a value under a key; without storage it lasts as long as the page. */
export const createStored = <Value>(key: string, schema: z.ZodType<Value>, usual: Value): Stored<Value> => {
  let last: { text: string | null; value: Value } = { text: null, value: usual };
  let unkept: string | null = null;
  const readText = (): string | null => {
    try {
      return localStorage.getItem(key) ?? unkept;
    } catch {
      return unkept;
    }
  };
  const parse = (text: string | null): Value => {
    if (text === null) return usual;
    try {
      return schema.safeParse(JSON.parse(text)).data ?? usual;
    } catch {
      return usual;
    }
  };
  return {
    read() {
      const text = readText();
      // The same object until it changes, as React wants it.
      if (text !== last.text) last = { text, value: parse(text) };
      return last.value;
    },
    write(value) {
      unkept = JSON.stringify(value);
      try {
        localStorage.setItem(key, unkept);
      } catch {
        // It is kept above.
      }
      dispatchEvent(new CustomEvent(CHANGED, { detail: key }));
    },
    subscribe(changed) {
      addEventListener("storage", changed);
      addEventListener(CHANGED, changed);
      return () => {
        removeEventListener("storage", changed);
        removeEventListener(CHANGED, changed);
      };
    },
  };
};

/** The stored value, live, and how to change it. */
export const useStored = <Value>(stored: Stored<Value>): [Value, (value: Value) => void] => [
  useSyncExternalStore(stored.subscribe, stored.read),
  stored.write,
];
