import { type Entry, insideOf } from "./entry.ts";

/** An entry, and those that it is inside of, from the outermost on. */
export type Found = { entry: Entry; above: readonly Entry[] };

/** Every entry in the order in which they are drawn, what is inside of one after it. */
export const walk = function* (entries: readonly Entry[], above: readonly Entry[] = []): Generator<Found> {
  for (const entry of entries) {
    yield { entry, above };
    const inside = insideOf(entry);
    if (inside.length > 0) yield* walk(inside, [...above, entry]);
  }
};

/** Those that are picked, and how many of them come before the entry `key` or are it; null: all that come before the first. */
export const pick = (
  entries: readonly Entry[],
  isPicked: (entry: Entry) => boolean,
  key: string | null,
): { found: readonly Found[]; before: number; at: boolean } => {
  const found: Found[] = [];
  let before = 0;
  let at = false;
  for (const each of walk(entries)) {
    if (each.entry.key === key) {
      before = found.length;
      at = isPicked(each.entry);
    }
    if (isPicked(each.entry)) found.push(each);
  }
  return { found, before, at };
};

/** Where one comes to from a place among `count` found things, `before` of which stand before it; round from the last to the first. */
export const stepFrom = (place: { count: number; before: number; at: boolean }, by: 1 | -1): number | null => {
  const { count, before, at } = place;
  if (count === 0) return null;
  const next = by === 1 ? before + (at ? 1 : 0) : before - 1;
  return (next + count) % count;
};
