import { useCallback, useEffect, useRef, useState } from "react";
import type { z } from "zod";

/** What is kept under `key`, if it still fits the schema; else null. */
export const readDraft = <T>(key: string, schema: z.ZodType<T>): T | null => {
  try {
    const stored: unknown = JSON.parse(sessionStorage.getItem(key) ?? "null");
    const parsed = schema.safeParse(stored);
    return parsed.success ? parsed.data : null;
  } catch {
    // Storage that is blocked or holds something else is no draft.
    return null;
  }
};

/** Keeps a draft under `key` for the page that will next show it; null forgets it. */
export const storeDraft = (key: string, value: unknown): void => {
  try {
    if (value === null) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, JSON.stringify(value));
  } catch {
    // A draft beyond the browser's quota lives as long as the page does; saving it is not hindered.
  }
};

const SAVE_AFTER_MS = 150;

/**
 * What a person has typed and not sent, kept over a reload of the tab under `key`; null while there is nothing. Setting null forgets it.
 */
export const useDraft = <T>(key: string, schema: z.ZodType<T>): [T | null, (next: T | null) => void] => {
  const [held, setHeld] = useState(() => ({ key, value: readDraft(key, schema) }));
  const pending = useRef<{ key: string; value: T | null } | null>(null);
  const flush = useCallback(() => {
    if (pending.current !== null) storeDraft(pending.current.key, pending.current.value);
    pending.current = null;
  }, []);
  if (held.key !== key) setHeld({ key, value: readDraft(key, schema) });
  useEffect(() => {
    addEventListener("pagehide", flush);
    return () => {
      removeEventListener("pagehide", flush);
      flush();
    };
  }, [flush]);
  useEffect(() => {
    if (pending.current?.value !== held.value) return;
    const timer = setTimeout(flush, SAVE_AFTER_MS);
    return () => clearTimeout(timer);
  }, [held, flush]);
  const set = useCallback(
    (value: T | null) => {
      pending.current = { key, value };
      setHeld({ key, value });
      if (value === null) flush();
    },
    [key, flush],
  );
  return [held.key === key ? held.value : null, set];
};
