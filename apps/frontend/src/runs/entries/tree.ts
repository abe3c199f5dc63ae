import type { Entry, ToolEntry } from "./entry.ts";

/** Where an entry stands: its index, after those of the calls that it is inside of. Entries are only appended, so it stays true. */
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
    const call = this.at(parent);
    return call?.kind === "tool" ? call.children.at(-1) : undefined;
  }

  at(place: Place): Entry | undefined {
    let list: readonly Entry[] = this.entries;
    let found: Entry | undefined;
    for (const index of place) {
      found = list[index];
      list = found?.kind === "tool" ? found.children : [];
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
    const call = this.at(place);
    if (call?.kind !== "tool") throw new Error("only a tool call has entries inside");
    const own = this.fresh.get(call.children);
    if (own !== undefined) return own;
    const children = [...call.children];
    this.fresh.set(children, children);
    const copy: ToolEntry = { ...call, children };
    this.replace(place, copy);
    return children;
  }
}
