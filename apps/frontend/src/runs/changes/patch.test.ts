import { chmod, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { createGitRepository } from "@ccr/testkit";
import { describe, expect, test } from "vitest";
import { parsePatch } from "./patch.ts";

const lines = (count: number, word = "line"): string =>
  Array.from({ length: count }, (_, index) => `${word} ${index + 1}\n`).join("");

/** What git itself writes after `change` was done to a repository with these files. */
const patchOf = async (files: Record<string, string>, change: (folder: string) => Promise<void>): Promise<string> => {
  await using repository = await createGitRepository({ files });
  await change(repository.path);
  await repository.git("add", "--all");
  return `${await repository.git("diff", "--cached", "--binary", "--find-renames")}\n`;
};

describe("patches that git wrote", () => {
  test("a changed file: numbers on both sides, sections, counts", async () => {
    const patch = await patchOf({ "a.txt": lines(30) }, (folder) =>
      writeFile(`${folder}/a.txt`, lines(30).replace("line 3\n", "three\nand\n").replace("line 28\n", "")),
    );
    const [file] = parsePatch(patch);
    expect(file).toMatchObject({ path: "a.txt", status: "modified", additions: 2, deletions: 2, binary: false });
    expect(file?.hunks.map(({ header }) => header)).toEqual(["@@ -1,6 +1,7 @@", "@@ -25,6 +26,5 @@"]);
    expect(file?.hunks[0]?.lines.map(({ kind, oldLine, newLine, text }) => [kind, oldLine, newLine, text]).slice(1, 6)).toEqual([
      ["context", 2, 2, "line 2"],
      ["removed", 3, null, "line 3"],
      ["added", null, 3, "three"],
      ["added", null, 4, "and"],
      ["context", 4, 5, "line 4"],
    ]);
  });

  test("added, deleted, renamed, empty and binary files, and a changed mode", async () => {
    const patch = await patchOf(
      { "gone.txt": "bye\n", "old name.txt": lines(20), "tool.sh": "#!/bin/sh\n", "pixel.bin": "\u0000\u0001\u0002" },
      async (folder) => {
        await rm(`${folder}/gone.txt`);
        await mkdir(`${folder}/deep`);
        await rename(`${folder}/old name.txt`, `${folder}/deep/new name.txt`);
        await writeFile(`${folder}/deep/new name.txt`, `${lines(20)}more\n`);
        await chmod(`${folder}/tool.sh`, 0o755);
        await writeFile(`${folder}/pixel.bin`, "\u0000\u0003");
        await writeFile(`${folder}/empty`, "");
        await writeFile(`${folder}/new.txt`, "new\n");
      },
    );
    const summary = parsePatch(patch).map(({ path, oldPath, status, binary, additions, deletions }) => ({
      is: `${status} ${oldPath === null ? "" : `${oldPath} -> `}${path}${binary ? " binary" : ""} +${additions} -${deletions}`,
    }));
    expect(summary.map(({ is }) => is).sort()).toEqual([
      "added empty +0 -0",
      "added new.txt +1 -0",
      "deleted gone.txt +0 -1",
      "mode_changed tool.sh +0 -0",
      "modified pixel.bin binary +0 -0",
      "renamed old name.txt -> deep/new name.txt +1 -0",
    ]);
    expect(parsePatch(patch).find(({ path }) => path === "tool.sh")).toMatchObject({ oldMode: "100644", newMode: "100755" });
  });

  test("names in quotes: umlauts, quotes, tabs; names with ' b/' inside", async () => {
    const names = ["ümlaut.txt", 'quo"te.txt', "tab\there.txt", "x b/y.txt", " b/ b"];
    const patch = await patchOf({ "keep.txt": "k\n" }, async (folder) => {
      for (const name of names) {
        await mkdir(`${folder}/${name}`.replace(/\/[^/]*$/, ""), { recursive: true });
        await writeFile(`${folder}/${name}`, name.includes("quo") ? "" : "x\n");
      }
    });
    expect(
      parsePatch(patch)
        .map(({ path }) => path)
        .sort(),
    ).toEqual([...names].sort());
  });

  test("lines that look like headers are lines", async () => {
    const before = "-- a\n++ b\ndiff --git a/x b/x\n@@ -1 +1 @@\nend\n";
    const patch = await patchOf({ "a.sql": before }, (folder) => writeFile(`${folder}/a.sql`, "-- c\n@@ -1 +1 @@\nend\n"));
    const files = parsePatch(patch);
    expect(files).toHaveLength(1);
    expect(files[0]).toMatchObject({ path: "a.sql", additions: 1, deletions: 3 });
  });

  test("a missing newline at the end, empty lines, CRLF", async () => {
    const patch = await patchOf({ a: "one\r\n\r\ntwo" }, (folder) => writeFile(`${folder}/a`, "one\r\n\r\ntwo\n"));
    expect(parsePatch(patch)[0]?.hunks[0]?.lines.map(({ kind, text, noNewline }) => [kind, text, noNewline])).toEqual([
      ["context", "one\r", false],
      ["context", "\r", false],
      ["removed", "two", true],
      ["added", "two", false],
    ]);
  });
});

test("a cut or foreign patch gives what is whole", () => {
  expect(parsePatch("")).toEqual([]);
  expect(parsePatch("hello\n@@ -1 +1 @@\n-a\n")).toEqual([]);
  const [file] = parsePatch("diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1,5 +1,5 @@\n one\n-two\n");
  expect(file).toMatchObject({ path: "a", additions: 0, deletions: 1 });
  expect(parsePatch("diff --git a/a b/a\n@@ nonsense @@\n-a\n")[0]?.hunks).toEqual([]);
});

test("forty thousand lines are read at once", () => {
  const body = Array.from({ length: 40_000 }, (_, index) => `+line ${index}`).join("\n");
  const started = performance.now();
  const [file] = parsePatch(`diff --git a/a b/a\nnew file mode 100644\n--- /dev/null\n+++ b/a\n@@ -0,0 +1,40000 @@\n${body}\n`);
  expect(file?.additions).toBe(40_000);
  expect(performance.now() - started).toBeLessThan(2000);
});
