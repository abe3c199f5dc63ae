import { useState } from "react";
import type { z } from "zod";
import { useDraft } from "./draft.ts";

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
  return {
    shown,
    changed,
    problems,
    /** Whether somebody else saved another version since the draft was begun. */
    isOutdated: draft !== null && changed && draft.base !== saved.base,
    change: (next: Draft): void => setDraft(next),
    /** It was saved, or what it was about is gone. */
    forget: (): void => setDraft(null),
    discard: (): void => {
      setDraft(null);
      setProblems(new Map());
    },
    check: (): Input | null => {
      const checked = validate(shown);
      setProblems(checked.ok ? new Map() : checked.problems);
      return checked.ok ? checked.input : null;
    },
  };
};
