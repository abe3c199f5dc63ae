import { describe, expect, test } from "vitest";
import { joinDiffs } from "./changes.ts";
import { DirectoryName, directoriesFor, directoryOf } from "./checkout.ts";
import type { WorkspaceDiff } from "./executor.ts";

describe("the folder of a repository", () => {
  test.each([
    ["octo/hello.world", "hello.world"],
    ["https://git.example.org/group/sub/api.git", "api"],
    ["git@host.test:team/web.git", "web"],
    ["ssh://git@host.test:2222/team/tools/", "tools"],
    ["/srv/repositories/books.git/", "books"],
    ["/srv/repositories/books/.git", "books"],
    ["/srv/a b~c", "a-b-c"],
    ["/srv/-x..y.lock", "x-y"],
    ["/srv/...", "repository"],
    [`/srv/${"n".repeat(200)}`, "n".repeat(96)],
    [`o/${"a".repeat(95)}.xyz`, "a".repeat(95)],
    [`/srv/${"b".repeat(92)}.git-tools`, "b".repeat(92)],
  ])("of %s is %s", (repository, name) => {
    expect(directoryOf(repository)).toBe(name);
    expect(DirectoryName.parse(name)).toBe(name);
  });

  test.each(["", ".git", "a/b", "..", "a..b", "x.git", "x.lock", "-x", ".x", "x.", "ä", "a b", "n".repeat(101)])(
    "cannot be %j",
    (name) => expect(DirectoryName.safeParse(name).success).toBe(false),
  );

  test("is free: what was given stays, and the others make way, also where case makes no difference", () => {
    const named = (...checkouts: { repository: string; directory?: string }[]) => directoriesFor(checkouts);
    expect(named({ repository: "a/x" }, { repository: "b/X" }, { repository: "c/y", directory: "x-2" })).toEqual({
      ok: true,
      directories: ["x", "X-3", "x-2"],
    });
    expect(named({ repository: "a/x", directory: "one" }, { repository: "b/y", directory: "One" })).toEqual({
      ok: false,
      message: "two repositories cannot both be in the folder 'One'",
    });
  });
});

describe("the changes of several repositories", () => {
  const diff = (change: Partial<WorkspaceDiff>): WorkspaceDiff => ({
    baseCommit: "1",
    headCommit: "2",
    files: [],
    patch: "",
    truncated: false,
    ...change,
  });
  const patchOf = (name: string) => `diff --git a/${name} b/${name}\n+${name}\n`;
  const file = (path: string) => ({ path, oldPath: null, status: "added" as const, additions: 1, deletions: 0 });

  test("follow each other, and are cut at the end of a file", () => {
    const one = diff({ files: [file("a/x")], patch: patchOf("a/x") });
    const two = diff({
      baseCommit: "3",
      headCommit: "4",
      files: [file("b/y"), file("b/z")],
      patch: patchOf("b/y") + patchOf("b/z"),
    });
    expect(joinDiffs([one, two])).toEqual({
      baseCommit: "1",
      headCommit: "2",
      files: [file("a/x"), file("b/y"), file("b/z")],
      patch: patchOf("a/x") + patchOf("b/y") + patchOf("b/z"),
      truncated: false,
    });
    const limit = patchOf("a/x").length + patchOf("b/y").length;
    expect(joinDiffs([one, two], limit)).toMatchObject({ patch: patchOf("a/x") + patchOf("b/y"), truncated: true });
    expect(joinDiffs([{ ...one, truncated: true }, two])).toMatchObject({ patch: patchOf("a/x"), truncated: true });
    expect(joinDiffs([one, { ...two, truncated: true }])).toMatchObject({ truncated: true });
  });
});
