import fuzzysort from "fuzzysort";
import { shownName } from "./names.ts";

/** As many as anybody reads. */
export const HITS_MOST = 100;

/** A piece of a path, and where it begins; `isHit`: it is a part of what was looked for. */
export type Piece = { at: number; text: string; isHit: boolean };

/** A file that fits what is looked for. */
export type Hit = { path: string; name: readonly Piece[]; folder: readonly Piece[] };

const NOTHING = { hits: [], total: 0 };

/** The piece from one place of a text to another, by which of its characters were looked for. Pure. */
const piecesOf = (text: string, { from, to }: { from: number; to: number }, hits: ReadonlySet<number>): Piece[] => {
  const pieces: Piece[] = [];
  for (let at = from; at < to; at++) {
    const isHit = hits.has(at);
    const last = pieces.at(-1);
    const character = text.charAt(at);
    if (last?.isHit === isHit) last.text += character;
    else pieces.push({ at, text: character, isHit });
  }
  return pieces;
};

/**
 * Makes paths ready to be looked through. What is looked for are letters that a path has in this order, each word by itself; the best come first, at
 * most `HITS_MOST` of the `total`. Nothing that is looked for fits nothing. Pure.
 */
export const searchIn = (paths: readonly string[]) => {
  const targets = paths.map((path) => ({ path, shown: shownName(path) }));
  const snapshot = fuzzysort.snapshot(targets, { key: "shown" });
  return (text: string): { hits: readonly Hit[]; total: number } => {
    if (text.trim() === "") return NOTHING;
    const results = fuzzysort.go(text.trim(), snapshot, { limit: HITS_MOST });
    const hits = results.map(({ obj: { path, shown }, indexes }): Hit => {
      const at = new Set(indexes);
      const slash = shown.lastIndexOf("/");
      return {
        path,
        name: piecesOf(shown, { from: slash + 1, to: shown.length }, at),
        folder: piecesOf(shown, { from: 0, to: Math.max(slash, 0) }, at),
      };
    });
    return { hits, total: results.total };
  };
};
