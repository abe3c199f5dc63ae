import { describe, expect, test } from "vitest";
import { actOf, KEYS } from "./keys.ts";
import { parsePatch } from "./patch.ts";
import { toShownFiles } from "./shown.ts";
import { type Chosen, changesOf, chooseLine, nextChange, nextLine, stepOf, tellLine } from "./walk.ts";

const part = (path: string, hunks: string) => `diff --git a/${path} b/${path}\n--- a/${path}\n+++ b/${path}\n${hunks}`;
const files = toShownFiles(
  parsePatch(
    part("a", "@@ -1,3 +1,4 @@\n-x\n+y\n same\n+z\n last\n@@ -20,2 +21,1 @@\n-gone\n keep\n") +
      "diff --git a/empty b/empty\nnew file mode 100644\n" +
      part("b", "@@ -1,1 +1,2 @@\n first\n+more\n"),
  ),
);
const [a] = files;
const chosen: Chosen = { id: "a", one: { side: "new", line: 3 }, other: { side: "new", line: 3 } };

describe("a walk through changes", () => {
  test("knows where blocks of changed lines begin", () => {
    expect(a === undefined ? [] : changesOf(a.file)).toEqual([0, 3, 5]);
  });

  test("begins before the first line that is seen, and goes on from what is chosen while that is", () => {
    const seen = (id: string, line: number) => ({ id, at: { side: "new" as const, line } });
    expect(stepOf(files, null, { file: "b", lines: [] })).toEqual({ file: 2, line: -0.5 });
    expect(stepOf(files, null, { file: "b", lines: [seen("a", 4), seen("b", 1)] })).toEqual({ file: 0, line: 3.5 });
    expect(stepOf(files, chosen, { file: "b", lines: [seen("a", 2), seen("a", 3)] })).toEqual({ file: 0, line: 3 });
    expect(stepOf(files, chosen, { file: "b", lines: [seen("b", 2)] })).toEqual({ file: 2, line: 0.5 });
    expect(stepOf(files, chosen, { file: "b", lines: [] })).toEqual({ file: 0, line: 3 });
    expect(stepOf([], null, { file: null, lines: [] })).toEqual({ file: 0, line: -0.5 });
  });

  test("goes over files without lines, and ends at both ends", () => {
    expect(nextChange(files, { file: 0, line: -0.5 }, 1)).toEqual({ file: 0, line: 0 });
    expect(nextChange(files, { file: 0, line: 5 }, 1)).toEqual({ file: 2, line: 1 });
    expect(nextChange(files, { file: 2, line: 1 }, 1)).toBeNull();
    expect(nextChange(files, { file: 2, line: 1 }, -1)).toEqual({ file: 0, line: 5 });
    expect(nextChange(files, { file: 0, line: 0 }, -1)).toBeNull();
  });

  test("goes by lines within a file", () => {
    expect(nextLine(files, { file: 2, line: -0.5 }, 1)).toEqual({ file: 2, line: 0 });
    expect(nextLine(files, { file: 2, line: 1 }, 1)).toBeNull();
    expect(nextLine(files, { file: 2, line: 0 }, -1)).toBeNull();
    expect(nextLine(files, { file: 0, line: 1.5 }, 1)).toEqual({ file: 0, line: 2 });
    expect(nextLine(files, { file: 0, line: 1.5 }, -1)).toEqual({ file: 0, line: 1 });
  });

  test("chooses a line, or goes on from where the choice began in the same file", () => {
    expect(chooseLine(files, { file: 0, line: 4 }, chosen)).toEqual({ ...chosen, other: { side: "new", line: 4 } });
    expect(chooseLine(files, { file: 2, line: 1 }, chosen)).toMatchObject({ id: "b", one: { side: "new", line: 2 } });
    expect(chooseLine(files, { file: 0, line: 0 }, null)).toMatchObject({ one: { side: "old", line: 1 } });
    expect(chooseLine(files, { file: 9, line: 0 }, null)).toBeNull();
  });

  test("tells of a line in words", () => {
    expect(tellLine(files, { file: 0, line: 0 })).toBe("Old line 1, removed: x");
    expect(tellLine(files, { file: 0, line: 2 })).toBe("Line 2, unchanged: same");
  });
});

test("keys of the browser are left to it, and each key that is told of does something", () => {
  const plain = { ctrlKey: false, altKey: false, metaKey: false };
  expect(actOf({ ...plain, key: "c" })).toEqual({ kind: "comment" });
  expect(actOf({ ...plain, key: "c", ctrlKey: true })).toBeNull();
  expect(actOf({ ...plain, key: "q" })).toBeNull();
  for (const key of KEYS.flatMap(({ keys }) => keys))
    expect(actOf({ ...plain, key: key === "Esc" ? "Escape" : key })).not.toBeNull();
});
