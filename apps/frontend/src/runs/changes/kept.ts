import { useCallback, useEffect, useRef, useState } from "react";
import type { z } from "zod";

const read = <T>(key: string, schema: z.ZodType<T>): T | null => {
  try {
    const parsed = schema.safeParse(JSON.parse(localStorage.getItem(key) ?? "null"));
    return parsed.success ? parsed.data : null;
  } catch {
    // Storage that is blocked or holds something else has nothing of ours.
    return null;
  }
};

const write = (key: string, value: unknown): void => {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Without storage, or beyond its quota, what is kept lives as long as the page.
  }
};

/**
 * What a browser keeps under `key` for every tab and over restarts; `empty` while there is nothing, and setting that forgets it. What another tab
 * keeps there shows here too. A change counts at once, also of a part of the page that is just going away.
 */
export const useKept = <T>(key: string, schema: z.ZodType<T>, empty: T): [T, (change: (old: T) => T) => void] => {
  const [held, setHeld] = useState<{ key: string; value: T }>(() => ({ key, value: read(key, schema) ?? empty }));
  const current = held.key === key ? held : { key, value: read(key, schema) ?? empty };
  if (current !== held) setHeld(current);
  const newest = useRef(current);
  useEffect(() => {
    newest.current = current;
  }, [current]);
  useEffect(() => {
    const changed = (event: StorageEvent): void => {
      if (event.key === key) setHeld({ key, value: read(key, schema) ?? empty });
    };
    addEventListener("storage", changed);
    return () => removeEventListener("storage", changed);
  }, [key, schema, empty]);
  const change = useCallback(
    (next: (old: T) => T) => {
      const old = newest.current.key === key ? newest.current.value : (read(key, schema) ?? empty);
      const value = next(old);
      write(key, value === empty ? null : value);
      newest.current = { key, value };
      setHeld(newest.current);
    },
    [key, schema, empty],
  );
  return [current.value, change];
};
