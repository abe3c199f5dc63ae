import type { Entry } from "../entries/entry.ts";
import { textsOf } from "../entries/texts.ts";

const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** What finds a text whatever its case, and however its words are parted; null: nothing is looked for. */
export const patternOf = (query: string): RegExp | null => {
  const words = query
    .trim()
    .split(/\s+/)
    .filter((word) => word !== "");
  return words.length === 0 ? null : new RegExp(words.map(literally).join("\\s+"), "gi");
};

/** Whether something that one can read in an entry is found. */
export const isFound = (pattern: RegExp, entry: Entry): boolean =>
  textsOf(entry).some((text) => {
    pattern.lastIndex = 0;
    return pattern.test(text);
  });

/** Where a pattern is found in a text, as pairs of beginning and end. */
export const placesIn = (pattern: RegExp, text: string): readonly (readonly [number, number])[] =>
  [...text.matchAll(pattern)].map((match) => [match.index, match.index + match[0].length] as const);
