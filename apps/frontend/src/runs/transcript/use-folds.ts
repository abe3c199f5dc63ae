import { useCallback, useMemo, useState } from "react";
import type { Folds } from "../page/use-run-stream.ts";

type State = {
  chosen: ReadonlyMap<string, boolean>;
  /** How entries are that nobody touched; null: each as it usually is. */
  all: boolean | null;
  /** Entries all of which is shown, however long. */
  revealed: ReadonlySet<string>;
};

const FIRST: State = { chosen: new Map(), all: null, revealed: new Set() };

/** A part of an entry has a key that begins with that of its entry. */
const entryOf = (key: string): string => key.split(":", 1)[0] ?? key;

export type TranscriptFolds = Folds & {
  /** Opens these entries, and shows all of the last one. */
  reveal(keys: readonly string[]): void;
  /** Opens or closes every entry, whatever was chosen before. */
  setAll(open: boolean): void;
};

/** What is open in a transcript. */
export const useTranscriptFolds = (): TranscriptFolds => {
  const [state, setState] = useState(FIRST);
  const reveal = useCallback((keys: readonly string[]) => {
    setState((old) => {
      const last = keys.at(-1);
      const known = last === undefined || old.revealed.has(last);
      if (known && keys.every((key) => old.chosen.get(key) === true)) return old;
      const chosen = new Map(old.chosen);
      for (const key of keys) chosen.set(key, true);
      return { ...old, chosen, revealed: known ? old.revealed : new Set(old.revealed).add(last) };
    });
  }, []);
  const setAll = useCallback((open: boolean) => setState({ ...FIRST, all: open }), []);
  const set = useCallback(
    (key: string, open: boolean) => setState((old) => ({ ...old, chosen: new Map(old.chosen).set(key, open) })),
    [],
  );
  return useMemo(() => {
    const { chosen, all, revealed } = state;
    const isOpen = (key: string, usually = false): boolean => {
      const touched = chosen.get(key);
      if (touched !== undefined) return touched;
      const entry = entryOf(key);
      return entry === key ? (all ?? usually) : revealed.has(entry) || usually;
    };
    return { isOpen, set, reveal, setAll };
  }, [state, set, reveal, setAll]);
};
