import { useEffect, useMemo, useRef, useState } from "react";
import { inSlices } from "../../api/live/idle.ts";
import type { Entry } from "../entries/entry.ts";
import { type Found, walk } from "../entries/walk.ts";
import { isFound, patternOf } from "./search.ts";

/** While one types, a search begins when one has paused for so long. */
const TYPED_MS = 120;
/** What comes live is searched so often. */
const AGAIN_MS = 500;

export type Finding = {
  pattern: RegExp | null;
  found: readonly Found[];
  keys: ReadonlySet<string>;
  /** Not everything was looked at yet. */
  isSearching: boolean;
};

const NOTHING: readonly Found[] = [];

/** Looks for a text in all entries, little by little; what was looked at once and did not change is not looked at again. */
export const useFind = (entries: readonly Entry[], query: string): Finding => {
  const pattern = useMemo(() => patternOf(query), [query]);
  const [result, setResult] = useState<{ pattern: RegExp | null; found: readonly Found[]; isDone: boolean }>({
    pattern: null,
    found: NOTHING,
    isDone: true,
  });
  const seen = useRef<{ pattern: RegExp | null; entries: WeakMap<Entry, boolean> }>({ pattern: null, entries: new WeakMap() });
  const searched = useRef<{ pattern: RegExp | null; at: number }>({ pattern: null, at: 0 });
  useEffect(() => {
    if (pattern === null) {
      setResult({ pattern: null, found: NOTHING, isDone: true });
      return;
    }
    if (seen.current.pattern !== pattern) seen.current = { pattern, entries: new WeakMap() };
    const known = seen.current.entries;
    const stopped = new AbortController();
    const search = async (): Promise<void> => {
      const found: Found[] = [];
      await inSlices(
        walk(entries),
        (each) => {
          const before = known.get(each.entry);
          const is = before ?? isFound(pattern, each.entry);
          if (before === undefined) known.set(each.entry, is);
          if (is) found.push(each);
        },
        stopped.signal,
      );
      if (stopped.signal.aborted) return;
      searched.current = { pattern, at: performance.now() };
      setResult({ pattern, found, isDone: true });
    };
    const since = performance.now() - searched.current.at;
    const wait = searched.current.pattern === pattern ? Math.max(0, AGAIN_MS - since) : TYPED_MS;
    const timer = setTimeout(() => void search(), wait);
    return () => {
      clearTimeout(timer);
      stopped.abort();
    };
  }, [pattern, entries]);
  const isSearching = pattern !== null && result.pattern !== pattern;
  const found = result.pattern === pattern ? result.found : NOTHING;
  const keys = useMemo(() => new Set(found.map(({ entry }) => entry.key)), [found]);
  return { pattern, found, keys, isSearching };
};
