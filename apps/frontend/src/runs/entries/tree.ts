import { type Entry, insideOf } from "./entry.ts";

/** Where an entry stands: its index, after those of the entries that it is inside of. Entries are only appended, so it stays true. */
export type Place = readonly number[];

/**
 * Entries under construction. Lists and entries that were handed out are never changed: the first change of a batch copies what it
 * touches, later ones of the same batch change the copy, so that a batch costs one copy of the list and not one for each message.
 */
export class EntryTree {
  private entries: Entry[] = [];
  /** The lists that this batch made, by themselves: they may still be written to. */
  private fresh = new Map<readonly Entry[], Entry[]>();

  /** The entries as they are now; what is changed later does not show in them. */
  publish(): readonly Entry[] {
    this.fresh.clear();
    return this.entries;
  }

  append(parent: Place | null, entry: Entry): Place {
    const list = parent === null ? this.rootForWriting() : this.childrenForWriting(parent);
    list.push(entry);
    return [...(parent ?? []), list.length - 1];
  }

  /** The last entry inside of `parent`, or of all. */
  last(parent: Place | null): Entry | undefined {
    if (parent === null) return this.entries.at(-1);
    return insideOf(this.at(parent)).at(-1);
  }

  at(place: Place): Entry | undefined {
    let list: readonly Entry[] = this.entries;
    let found: Entry | undefined;
    for (const index of place) {
      found = list[index];
      list = insideOf(found);
    }
    return found;
  }

  replace(place: Place, entry: Entry): void {
    const index = place.at(-1);
    if (index === undefined) return;
    const list = place.length === 1 ? this.rootForWriting() : this.childrenForWriting(place.slice(0, -1));
    list[index] = entry;
  }

  replaceLast(parent: Place | null, entry: Entry): void {
    const list = parent === null ? this.rootForWriting() : this.childrenForWriting(parent);
    list[list.length - 1] = entry;
  }

  private rootForWriting(): Entry[] {
    if (!this.fresh.has(this.entries)) {
      this.entries = [...this.entries];
      this.fresh.set(this.entries, this.entries);
    }
    return this.entries;
  }

  private childrenForWriting(place: Place): Entry[] {
    const outer = this.at(place);
    if (outer?.kind !== "tool" && outer?.kind !== "judge") throw new Error("only tool calls and judges have entries inside");
    const own = this.fresh.get(outer.children);
    if (own !== undefined) return own;
    const children = [...outer.children];
    this.fresh.set(children, children);
    this.replace(place, { ...outer, children });
    return children;
  }
}
