import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { isRefName, readHead } from "./refs.ts";

test("agrees with git on what can name a branch", () => {
  const parts = [
    "a",
    "-",
    ".",
    "..",
    "/",
    "@",
    "{",
    "~",
    "^",
    ":",
    "?",
    "*",
    "[",
    "\\",
    " ",
    "\t",
    "\u007f",
    ".lock",
    "ä",
    ";",
    "$",
    "🙂",
  ];
  for (const one of parts) {
    for (const two of parts) {
      const name = `${one}x${two}`;
      const { status } = spawnSync("git", ["check-ref-format", "--branch", name]);
      expect([name, isRefName(name)]).toEqual([name, status === 0]);
    }
  }
});

test("reads where the remote's HEAD leads", () => {
  const id = "0123456789".repeat(4);
  expect(readHead(`ref: refs/heads/work/one\tHEAD\n${id}\tHEAD\n`)).toEqual({ branch: "work/one", commit: id });
  expect(readHead(`${id}\tHEAD\n`)).toEqual({ branch: null, commit: id });
  expect(readHead(`ref: refs/heads/--evil\tHEAD\n${id}\trefs/heads/HEAD\n`)).toEqual({ branch: null, commit: null });
  expect(readHead("")).toEqual({ branch: null, commit: null });
});
