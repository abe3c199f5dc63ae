import { expect, test } from "vitest";
import { parsePatch } from "./patch.ts";
import { isOpenAtFirst, toChangeRows } from "./rows.ts";

const patch = `diff --git a/a.txt b/a.txt
--- a/a.txt
+++ b/a.txt
@@ -1 +1 @@ main
-old
+\tnew
diff --git a/b.bin b/c.bin
similarity index 90%
rename from b.bin
rename to c.bin
Binary files a/b.bin and b/c.bin differ
diff --git a/e b/e
new file mode 100644
`;

test("lays the files out as rows and tells where each begins", () => {
  const { rows, starts, longestLine } = toChangeRows(parsePatch(patch), () => true);
  expect(rows.map((row) => (row.kind === "note" ? row.text : row.kind))).toEqual([
    "file",
    "hunk",
    "line",
    "line",
    "gap",
    "file",
    "Renamed from b.bin",
    "A binary file: its content is not shown",
    "gap",
    "file",
    "The file is empty",
    "gap",
  ]);
  expect(starts).toEqual([0, 5, 9]);
  expect(longestLine).toBe(7);
});

test("a closed file is one row", () => {
  const { rows } = toChangeRows(parsePatch(patch), (file) => file.path !== "a.txt");
  expect(rows.slice(0, 3).map(({ kind }) => kind)).toEqual(["file", "gap", "file"]);
});

test("huge files begin closed, and endless lines are cut", () => {
  const [huge, small] = parsePatch(
    `diff --git a/h b/h\n@@ -0,0 +1,3000 @@\n${"+x\n".repeat(3000)}diff --git a/s b/s\n@@ -0,0 +1 @@\n+${"y".repeat(100_000)}\n`,
  );
  expect([huge, small].map((file) => file !== undefined && isOpenAtFirst(file))).toEqual([false, true]);
  expect(
    toChangeRows(
      [huge, small].filter((file) => file !== undefined),
      isOpenAtFirst,
    ).longestLine,
  ).toBeLessThan(2100);
});
