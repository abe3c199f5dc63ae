import { expect, test } from "vitest";
import { parsePatch } from "./patch.ts";
import { toShownFiles } from "./shown.ts";
import { buildTree, filesOfTree, fitsFilter, groupByFolder, rowsOfTree } from "./tree.ts";

const filesOf = (paths: readonly string[]) =>
  toShownFiles(parsePatch(paths.map((path) => `diff --git a/${path} b/${path}\nnew file mode 100644\n`).join("")));
const drawn = (paths: readonly string[], closed: readonly string[] = [], within = "") =>
  rowsOfTree(buildTree(filesOf(paths), within), new Set(closed)).map(
    ({ node, level }) => `${"  ".repeat(level - 1)}${node.name}${node.kind === "folder" ? "/" : ""}`,
  );

const PATHS = ["src/a/deep/b10.ts", "src/a/deep/b9.ts", "z.md", "src/c.ts", "only/one/file.txt"];

test("folders come first, in the order of names, and those with one folder inside are one line", () => {
  expect(drawn(PATHS)).toEqual(["only/one/", "  file.txt", "src/", "  a/deep/", "    b9.ts", "    b10.ts", "  c.ts", "z.md"]);
});

test("what is in a closed folder is not drawn", () => {
  expect(drawn(PATHS, ["src/a/deep", "only/one"])).toEqual(["only/one/", "src/", "  a/deep/", "  c.ts", "z.md"]);
});

test("the files are read in the order in which they are listed", () => {
  expect(filesOfTree(buildTree(filesOf(PATHS))).map(({ file }) => file.path)).toEqual([
    "only/one/file.txt",
    "src/a/deep/b9.ts",
    "src/a/deep/b10.ts",
    "src/c.ts",
    "z.md",
  ]);
});

test("files of several repositories are listed by their folders", () => {
  const files = filesOf(["api/src/a.ts", "api/b.ts", "web/a.ts"]);
  const listed = (hasFolders: boolean) =>
    groupByFolder(files, hasFolders).map(({ folder, files: inside }) => [folder, inside.map(({ id }) => id)]);
  expect(listed(true)).toEqual([
    ["api", ["api/src/a.ts", "api/b.ts"]],
    ["web", ["web/a.ts"]],
  ]);
  expect(listed(false)).toEqual([[null, ["api/src/a.ts", "api/b.ts", "web/a.ts"]]]);
  expect(drawn(["api/src/a.ts", "api/b.ts"], [], "api")).toEqual(["src/", "  a.ts", "b.ts"]);
});

test("a filter wants all of its words, in any case", () => {
  expect(["", "TS src", "src md"].map((filter) => fitsFilter("src/Deep/a.ts", filter))).toEqual([true, true, false]);
});
