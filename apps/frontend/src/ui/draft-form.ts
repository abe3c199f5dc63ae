import { useLayoutEffect, useRef, useState } from "react";
import type { z } from "zod";
import { storeDraft, useDraft } from "./draft.ts";

/**
 * A form whose draft is kept over a reload until it is saved or thrown away. `saved` is what stands there without a draft, and `base` the version of
 * it. `check` gives the input as the server takes it; else null, and `problems` then says what is wrong, by field.
 */
export const useDraftForm = <Draft extends { base: string | null }, Input, Field extends string>(options: {
  /** Under which name of the browser's storage it is kept. */
  storedAs: string;
  schema: z.ZodType<Draft>;
  saved: Draft;
  isChanged: (draft: Draft, saved: Draft) => boolean;
  validate: (draft: Draft) => { ok: true; input: Input } | { ok: false; problems: ReadonlyMap<Field, string> };
}) => {
  const { saved, isChanged, validate } = options;
  const [draft, setDraft] = useDraft(options.storedAs, options.schema);
  const [problems, setProblems] = useState<ReadonlyMap<Field, string>>(() => new Map());
  const shown = draft ?? saved;
  const changed = isChanged(shown, saved);
  const newest = useRef(draft);
  useLayoutEffect(() => {
    newest.current = draft;
  }, [draft]);
  const dirty = useRef(changed);
  useLayoutEffect(() => {
    dirty.current = changed;
  }, [changed]);
  /** What was found right last, and is sent then. */
  const sent = useRef<Draft | null>(null);
  return {
    shown,
    changed,
    problems,
    /** Whether somebody else saved another version since the draft was begun. */
    isOutdated: draft !== null && changed && draft.base !== saved.base,
    /** Whether there are changes that were not saved, as of now: also between a save and the next drawing. */
    isDirty: (): boolean => dirty.current,
    /** The page may be left as it is; what was written stays kept. */
    letLeave: (): void => {
      dirty.current = false;
    },
    change: (next: Draft): void => setDraft(next),
    /** What it was about is gone. */
    forget: (): void => {
      dirty.current = false;
      setDraft(null);
    },
    /** What was found right last was saved, as `next`. What was written since then becomes a draft of that, kept under this or another name. */
    settle: (next: Draft, storedAs = options.storedAs): void => {
      const now = newest.current;
      const rest = now === null || now === sent.current ? null : { ...now, base: next.base };
      const stays = storedAs === options.storedAs;
      if (!stays) storeDraft(storedAs, rest);
      setDraft(stays ? rest : null);
      dirty.current = stays && rest !== null;
    },
    discard: (): void => {
      setDraft(null);
      setProblems(new Map());
    },
    check: (): Input | null => {
      const checked = validate(shown);
      sent.current = shown;
      setProblems(checked.ok ? new Map() : checked.problems);
      return checked.ok ? checked.input : null;
    },
  };
};
