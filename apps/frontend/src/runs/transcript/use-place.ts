import { useEffect, useState } from "react";
import { z } from "zod";
import { readDraft, storeDraft } from "../../ui/draft.ts";
import type { RowPlace } from "./row-window.ts";

const Kept = z.object({
  /** The visit to an address during which one was there: a reload is none, a link that is followed is another one. */
  visit: z.string(),
  /** null: the end. */
  place: z.object({ seq: z.number(), key: z.string(), top: z.number() }).nullable(),
});

/** Where one was when one last went to another tab of the run's page; undefined: one did not. */
export type LeftPlace = { place: RowPlace | null | undefined };

/**
 * Where one was in this transcript: before the page was loaded anew, or when one went to another tab of it and comes back without naming a
 * message. A place, or null for the end; undefined when one is here for the first time. Keeps where one is from now on, as `now` tells it.
 */
export const usePlace = (
  runId: string,
  { visit, target, left }: { visit: string; target: number | null; left: LeftPlace },
  now: () => RowPlace | null,
): RowPlace | null | undefined => {
  const key = `ccr-place-${runId}`;
  const [before] = useState(() => {
    const kept = readDraft(key, Kept);
    if (kept !== null && kept.visit === visit) return kept.place;
    return target === null ? left.place : undefined;
  });
  useEffect(() => {
    const keep = (): void => storeDraft(key, { visit, place: now() });
    addEventListener("pagehide", keep);
    return () => {
      removeEventListener("pagehide", keep);
      left.place = now();
    };
  }, [key, visit, left, now]);
  return before;
};
