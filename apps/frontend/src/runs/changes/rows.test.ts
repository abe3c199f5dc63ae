import { expect, test } from "vitest";
import { parsePatch } from "./patch.ts";
import { groupByFolder, isOpenAtFirst, toChangeRows } from "./rows.ts";

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

test("files of several repositories are listed by their folders, each with its place among all", () => {
  const files = parsePatch(
    ["api/src/a.ts", "api/b.ts", "web/a.ts"].map((path) => `diff --git a/${path} b/${path}\nnew file mode 100644\n`).join(""),
  );
  const listed = (hasFolders: boolean) =>
    groupByFolder(files, hasFolders).map(({ folder, entries }) => [folder, entries.map(({ path, index }) => `${index} ${path}`)]);
  expect(listed(true)).toEqual([
    ["api", ["0 src/a.ts", "1 b.ts"]],
    ["web", ["2 a.ts"]],
  ]);
  expect(listed(false)).toEqual([[null, ["0 api/src/a.ts", "1 api/b.ts", "2 web/a.ts"]]]);
});
