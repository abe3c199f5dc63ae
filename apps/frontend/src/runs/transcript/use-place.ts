import { useEffect, useState } from "react";
import { z } from "zod";
import { readDraft, storeDraft } from "../../ui/draft.ts";
import type { RowPlace } from "./row-window.ts";

const Kept = z.object({
  /** The message that the address named at that time. */
  target: z.number().nullable(),
  /** null: the end. */
  place: z.object({ seq: z.number(), key: z.string(), top: z.number() }).nullable(),
});

/**
 * Where one was in this transcript when it was last left, if the address names the same message as then: a place, or null for the end;
 * undefined when one was not here before. Keeps where one is from now on, as `now` tells it.
 */
export const usePlace = (runId: string, target: number | null, now: () => RowPlace | null): RowPlace | null | undefined => {
  const key = `ccr-place-${runId}`;
  const [before] = useState(() => {
    const kept = readDraft(key, Kept);
    return kept === null || kept.target !== target ? undefined : kept.place;
  });
  useEffect(() => {
    const keep = (): void => storeDraft(key, { target, place: now() });
    addEventListener("pagehide", keep);
    return () => {
      removeEventListener("pagehide", keep);
      keep();
    };
  }, [key, target, now]);
  return before;
};
