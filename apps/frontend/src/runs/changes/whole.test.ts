import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { temporaryFolder } from "@ccr/testkit";
import { describe, expect, test } from "vitest";
import { type PatchFile, parsePatch } from "./patch.ts";
import { asPatch } from "./shown.ts";
import { hasHidden, withHidden } from "./whole.ts";

const numbers = (to: number): string[] => Array.from({ length: to }, (_, index) => `line ${index + 1}`);
const textOf = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");

/** What git says of a change, with so many lines around each. */
const changed = async (before: string, after: string, context = 3): Promise<PatchFile> => {
  await using folder = await temporaryFolder();
  const [one, other] = [folder.join("one"), folder.join("other")];
  writeFileSync(one, before);
  writeFileSync(other, after);
  const { stdout } = spawnSync("git", ["diff", "--no-index", `--unified=${context}`, one, other], { encoding: "utf8" });
  const [file] = parsePatch(stdout);
  if (file === undefined) throw new Error("nothing was changed");
  return file;
};

/** Both texts, as the lines of a file tell them. */
const sides = ({ hunks }: PatchFile): { before: string; after: string } => {
  const lines = hunks.flatMap((hunk) => hunk.lines);
  const join = (hidden: "added" | "removed"): string =>
    lines
      .filter(({ kind }) => kind !== hidden)
      .map(({ text, noNewline }) => (noNewline ? text : `${text}\n`))
      .join("");
  return { before: join("added"), after: join("removed") };
};

const many = numbers(60);
const edited = many.flatMap((line, index) =>
  index === 9 ? ["ten", "and more"] : index === 29 ? [] : index === 49 ? ["fifty"] : [line],
);

describe("a file whose hidden lines are shown", () => {
  test.each<[string, string, string]>([
    ["changes in its middle", textOf(many), textOf(edited)],
    ["changes at both ends", textOf(many), textOf(["new", ...many.slice(1, -1), "end"])],
    ["lines added before all others", textOf(many), textOf(["a", "b", ...many])],
    ["lines taken from its end", textOf(many), textOf(many.slice(0, 40))],
    ["no new line at its end", textOf(many).trimEnd(), textOf(edited).trimEnd()],
    ["a new line at its end", textOf(many).trimEnd(), textOf(edited)],
    ["ends of lines of Windows", textOf(many.map((line) => `${line}\r`)), textOf(edited.map((line) => `${line}\r`))],
    ["nothing left", textOf(many), ""],
    ["nothing before", "", textOf(many)],
  ])("has all of both texts: %s", async (_, before, after) => {
    for (const context of [0, 3, 25]) {
      const file = await changed(before, after, context);
      const whole = withHidden(file, after);
      if (whole === null) throw new Error("it does not fit");
      expect(sides(whole)).toEqual({ before, after });
      expect(whole).toMatchObject({ additions: file.additions, deletions: file.deletions });
      // Read again, it is the same: the head of the hunk tells the truth.
      const [again] = parsePatch(asPatch(whole).replaceAll("␍", "\r"));
      expect(again?.hunks.map(({ lines }) => lines)).toEqual(whole.hunks.map(({ lines }) => lines));
    }
  });

  test("is none when the text is another one by now", async () => {
    const file = await changed(textOf(many), textOf(edited));
    expect(withHidden(file, textOf(many))).toBeNull();
    expect(withHidden(file, textOf(["first", ...edited]))).toBeNull();
    expect(withHidden(file, textOf(edited.slice(0, 20)))).toBeNull();
    expect(withHidden(file, "")).toBeNull();
  });

  test("is one of which not all is shown already", async () => {
    const file = await changed(textOf(many), textOf(edited));
    expect(hasHidden(file)).toBe(true);
    for (const part of [{ status: "added" }, { status: "deleted" }, { binary: true }, { hunks: [] }] as const)
      expect(hasHidden({ ...file, ...part })).toBe(false);
  });
});
