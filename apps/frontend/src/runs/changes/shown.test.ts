import { describe, expect, test } from "vitest";
import { type PatchFile, parsePatch } from "./patch.ts";
import { asPatch, noteOf, toShownFiles, withoutWhitespaceChanges } from "./shown.ts";

const one = (hunks: string, head = "--- a/a.txt\n+++ b/a.txt\n"): PatchFile => {
  const [file] = parsePatch(`diff --git a/a.txt b/a.txt\n${head}${hunks}`);
  if (file === undefined) throw new Error("no file");
  return file;
};
const marks = ({ hunks }: PatchFile): string[] =>
  hunks.flatMap(({ lines }) =>
    lines.map(
      ({ kind, text, oldLine, newLine }) => `${{ context: " ", added: "+", removed: "-" }[kind]}${oldLine}:${newLine} ${text}`,
    ),
  );

describe("a file as a patch of its own", () => {
  test("has the same lines, and says where a newline is missing", () => {
    const hunks = "@@ -1,2 +1,2 @@ main\n same\n-old\n\\ No newline at end of file\n+new\n";
    expect(asPatch(one(hunks))).toBe(`diff --git a/x b/x\n--- a/x\n+++ b/x\n${hunks}`);
  });

  test("shows ends of lines of Windows, and cuts what nobody reads", () => {
    const patch = asPatch(one(`@@ -0,0 +1,2 @@\n+one\r\n+${"y".repeat(5000)}\n`));
    expect(patch).toContain("+one␍\n");
    expect(patch).toContain("(3000 more characters)");
    expect(patch.length).toBeLessThan(2200);
  });
});

describe("without changes of white space", () => {
  test("lines that differ in nothing else are context, with both numbers; others stay", () => {
    const file = one("@@ -1,4 +1,5 @@\n a\n-  b\n-c\n-x y\n+\tb\n+c2\n+xy\n+new\n");
    expect(marks(withoutWhitespaceChanges(file))).toEqual([
      " 1:1 a",
      " 2:2 \tb",
      "-3:null c",
      "+null:3 c2",
      " 4:4 xy",
      "+null:5 new",
    ]);
    expect(withoutWhitespaceChanges(file)).toMatchObject({ additions: 2, deletions: 1 });
  });

  test("hunks with no other change are left out, and empty lines count", () => {
    const file = one("@@ -1,1 +1,1 @@\n-a\n+a \n@@ -9,1 +9,2 @@\n i\n+\n");
    expect(withoutWhitespaceChanges(file).hunks.map(({ header }) => header)).toEqual(["@@ -9,1 +9,2 @@"]);
  });

  test("the header of a hunk stays true", () => {
    const file = one("@@ -5,3 +5,3 @@\n a\n-b\n-c\n+ b\n+d\n");
    const [again] = parsePatch(asPatch(withoutWhitespaceChanges(file)));
    expect(again === undefined ? [] : marks(again)).toEqual([" 5:5 a", " 6:6  b", "-7:null c", "+null:7 d"]);
  });
});

test("files have ids of their own, also two parts about one path, and fingerprints of their text", () => {
  const part = (text: string) => `diff --git a/l b/l\nnew file mode 100644\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+${text}\n`;
  const files = toShownFiles(parsePatch(part("a") + part("b") + part("a")));
  expect(files.map(({ id }) => id)).toEqual(["l", "l (2)", "l (3)"]);
  expect(files[0]?.fingerprint).toBe(files[2]?.fingerprint);
  expect(files[0]?.fingerprint).not.toBe(files[1]?.fingerprint);
});

test("notes say what no line does", () => {
  const head = "similarity index 90%\nrename from b.bin\nrename to c.bin\n";
  expect(noteOf(one("Binary files a/b.bin and b/c.bin differ\n", head))).toBe(
    "Renamed from b.bin. A binary file: its content is not shown",
  );
  expect(noteOf(one("", "old mode 100644\nnew mode 100755\n"))).toBe("Mode changed from 100644 to 100755");
  expect(noteOf(one("", "new file mode 100644\n"))).toBe("The file is empty");
  expect(noteOf(one("@@ -1 +1 @@\n-a\n+b\n"))).toBeNull();
});
