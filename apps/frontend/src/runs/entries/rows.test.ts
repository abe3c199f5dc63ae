import { describe, expect, it } from "vitest";
import { CHOICES } from "./choices.ts";
import { emptyTranscript, extendTranscript } from "./derive.ts";
import type { Entry } from "./entry.ts";
import { findEntryPath, indexOfRow, indexOfSeq, listRows, noRows, type RowChoice } from "./rows.ts";
import { noTally, tally } from "./trouble.ts";
import { pick, stepFrom } from "./walk.ts";

const text = (seq: number): Entry => ({
  kind: "text",
  key: String(seq),
  seq,
  at: "",
  text: `text ${seq}`,
  error: null,
  cutOff: false,
});
const tool = (seq: number, children: readonly Entry[], isError = false): Entry => ({
  ...{
    kind: "tool",
    key: String(seq),
    seq,
    at: "",
    toolUseId: `t${seq}`,
    name: "Task",
    input: {},
    about: null,
    progress: null,
    task: null,
    denied: null,
    title: null,
  },
  result: { seq: seq + 10, at: "", text: "", isError, interrupted: false, images: [], others: [], structured: undefined },
  children,
});
const isPicked = (entry: Entry): boolean => CHOICES.errors.only(entry);
const closed: RowChoice = { isOpen: () => false, only: null };
const open: RowChoice = { isOpen: () => true, only: null };
const keys = (list: { rows: readonly { entry: Entry }[] }): string => list.rows.map(({ entry }) => entry.key).join(" ");

describe("the rows of a transcript", () => {
  it("are the same after many small changes as when they are made at once", () => {
    let entries: readonly Entry[] = [];
    let list = noRows;
    for (let seq = 1; seq <= 40; seq += 1) {
      const last = entries.at(-1);
      if (seq % 3 === 0 && last?.kind === "tool")
        entries = [...entries.slice(0, -1), tool(last.seq, [...last.children, text(seq)])];
      else entries = [...entries, seq % 5 === 0 ? tool(seq, []) : text(seq)];
      list = listRows(list, entries, open);
      expect(keys(list)).toBe(keys(listRows(noRows, entries, open)));
    }
    expect(list.rows.length).toBeGreaterThan(entries.length);
  });

  it("stay identical where nothing changed, so that appending costs what is appended", () => {
    const entries = [text(1), tool(2, [text(3)]), text(4)];
    const before = listRows(noRows, entries, open);
    const after = listRows(before, [...entries, text(5)], open);
    expect(after.rows.slice(0, 4).every((row, index) => row === before.rows[index])).toBe(true);
    expect(listRows(after, after.entries, open)).toBe(after);
    expect(keys(listRows(after, [], open))).toBe("");
  });

  it("are made anew when something is opened, closed or left out", () => {
    const entries = [text(1), tool(2, [text(3), tool(4, [text(5)], true)])];
    const all = listRows(noRows, entries, open);
    expect(keys(all)).toBe("1 2 3 4 5");
    expect(keys(listRows(all, entries, closed))).toBe("1 2");
    // What is picked is shown wherever it stands.
    expect(keys(listRows(all, entries, { ...closed, only: CHOICES.errors.only }))).toBe("4");
    expect(keys(listRows(all, entries, { ...closed, only: CHOICES.said.only }))).toBe("1 3 5");
  });

  it("are found by their key, and the nearest by a message's number", () => {
    const { rows } = listRows(noRows, [text(2), text(4), text(9)], closed);
    expect([indexOfRow(rows, "4", 0), indexOfRow(rows, "9", 2), indexOfRow(rows, "5", 1)]).toEqual([1, 2, -1]);
    expect([1, 2, 3, 8, 99].map((seq) => indexOfSeq(rows, seq))).toEqual([0, 0, 0, 1, 2]);
  });
});

it("finds the entry of a message among thousands, with what it is inside of", () => {
  const entries = [...Array.from({ length: 20_000 }, (_, index) => text(index + 1)), tool(20_001, [text(20_002), text(20_003)])];
  expect(findEntryPath(entries, 20_003)?.map(({ seq }) => seq)).toEqual([20_001, 20_003]);
  expect(findEntryPath(entries, 20_011)?.map(({ seq }) => seq)).toEqual([20_001]);
  expect(findEntryPath(entries, 77)?.map(({ seq }) => seq)).toEqual([77]);
  expect(findEntryPath([], 1)).toBe(null);
});

describe("the way from one to the next", () => {
  const entries = [text(1), tool(2, [text(3), tool(4, [], true)], true), text(5), tool(6, [], true)];
  const go = (key: string | null, by: 1 | -1): string | undefined => {
    const { found, before, at } = pick(entries, isPicked, key);
    return found[stepFrom({ count: found.length, before, at }, by) ?? -1]?.entry.key;
  };
  it("begins where one is, goes into what is folded, and round at the ends", () => {
    expect([go("1", 1), go("2", 1), go("4", 1), go("6", 1)]).toEqual(["2", "4", "6", "2"]);
    expect([go("1", -1), go("2", -1), go("5", -1), go("6", -1)]).toEqual(["6", "6", "4", "4"]);
    expect(go(null, 1)).toBe("2");
  });
  it("leads nowhere when there is nothing", () => {
    expect(stepFrom({ count: 0, before: 0, at: false }, 1)).toBe(null);
  });
});

it("troubles are counted with what stands inside, and the same after many changes as at once", () => {
  let entries: readonly Entry[] = [];
  let counted = noTally;
  for (let seq = 1; seq <= 30; seq += 1) {
    const last = entries.at(-1);
    if (seq % 4 === 0 && last?.kind === "tool") entries = [...entries.slice(0, -1), tool(last.seq, [tool(seq, [], true)])];
    else entries = [...entries, seq % 3 === 0 ? tool(seq, [], seq % 2 === 0) : text(seq)];
    counted = tally(counted, entries);
    expect(counted.total).toBe(tally(noTally, entries).total);
  }
  expect(counted.total).toBe(pick(entries, isPicked, null).found.length);
});

it("an empty transcript has no rows", () => {
  expect(listRows(noRows, extendTranscript(emptyTranscript(), []).entries, open).rows).toEqual([]);
});
