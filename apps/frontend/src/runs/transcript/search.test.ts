import { describe, expect, it } from "vitest";
import type { Entry } from "../entries/entry.ts";
import { isFound, patternOf, placesIn } from "./search.ts";

const call: Entry = {
  ...{
    kind: "tool",
    key: "1",
    seq: 1,
    at: "",
    toolUseId: "t",
    name: "Edit",
    about: null,
    progress: null,
    task: null,
    denied: null,
    title: null,
    children: [],
  },
  input: { file_path: "/workspace/a.ts", edits: [{ old_string: "before", new_string: "after" }], count: 7 },
  result: {
    seq: 2,
    at: "",
    text: "Updated\n  the file",
    isError: false,
    interrupted: false,
    images: [],
    others: [],
    structured: undefined,
  },
};
const found = (query: string): boolean => {
  const pattern = patternOf(query);
  return pattern !== null && isFound(pattern, call);
};

describe("finding a text", () => {
  it("looks at all that one can read of a call, whatever its case and however its words are parted", () => {
    expect(["edit", "A.TS", "after", "updated the FILE", "7"].map(found)).toEqual([true, true, true, true, true]);
    expect(found("elsewhere")).toBe(false);
  });
  it("takes every sign for itself", () => {
    expect(found(".*")).toBe(false);
    expect(found("a.ts")).toBe(true);
    expect(patternOf("(a|b)[$")?.test("x(A|B)[$")).toBe(true);
  });
  it("finds the same again and again", () => {
    expect([found("after"), found("after")]).toEqual([true, true]);
  });
  it("looks for nothing when nothing is asked", () => {
    expect([patternOf(""), patternOf("  \n")]).toEqual([null, null]);
  });
  it("tells each place", () => {
    const pattern = patternOf("ab");
    expect(pattern === null ? [] : placesIn(pattern, "ab cAB")).toEqual([
      [0, 2],
      [4, 6],
    ]);
  });
});
