import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { keptPlace, OF, runGit, signal } from "./testing/kept-place.ts";

describe("what kept work changes", () => {
  it("is told whatever the agent made its git show", async () => {
    await using here = await keptPlace({ "test.sh": "exit 1\n", gone: "1\n", "old name": "some\nlines\nof text\n" });
    await here.git("update-index", "--assume-unchanged", "test.sh");
    await mkdir(here.file(".git/info"), { recursive: true });
    await writeFile(here.file(".git/info/attributes"), "test.sh filter=h\n*.txt -diff binary\n");
    await here.git("config", "filter.h.clean", "git cat-file blob HEAD:test.sh");
    await here.git("config", "diff.external", "true");
    await writeFile(here.file("test.sh"), "true\n");
    await writeFile(here.file("new.txt"), "new\n");
    await writeFile(here.file("latin"), Buffer.from([0xe9, 0x0a]));
    await rm(here.file("gone"));
    await here.git("mv", "old name", "odd\nname");
    const { snapshotCommit, baseCommit } = await here.keep();
    const changes = await here.kept.changes(OF, signal);
    expect(changes).toMatchObject({ snapshotCommit, uncommitted: [], diff: { baseCommit, truncated: false } });
    expect(changes?.diff.files.map(({ path, status, oldPath }) => [path, status, oldPath])).toEqual([
      ["gone", "deleted", null],
      ["latin", "added", null],
      ["new.txt", "added", null],
      ["odd\nname", "renamed", "old name"],
      ["test.sh", "modified", null],
    ]);
    for (const line of ["+true", "+new", "GIT binary patch"]) expect(changes?.diff.patch).toContain(line);
    const clone = here.folder.join("clone");
    await runGit(here.folder.path, ["clone", "-q", here.origin.path, clone]);
    await writeFile(join(clone, "..", "patch"), changes?.diff.patch ?? "");
    await runGit(clone, ["apply", "--whitespace=nowarn", here.folder.join("patch")]);
    expect(await readFile(join(clone, "test.sh"), "utf8")).toBe("true\n");
    expect(await readFile(join(clone, "latin"))).toEqual(Buffer.from([0xe9, 0x0a]));
  });

  it("names what was there before, and was left out of the agent's own commits", async () => {
    await using here = await keptPlace({ "test.sh": "exit 1\n", committed: "1\n", removed: "1\n", same: "1\n" });
    await writeFile(here.file("committed"), "2\n");
    await writeFile(here.file("own"), "1\n");
    expect((await here.kept.changes(OF, signal)) ?? null).toBeNull();
    await writeFile(here.file("test.sh"), "true\n");
    await here.keep();
    // It committed nothing: all of it is committed for it.
    expect((await here.kept.changes(OF, signal))?.uncommitted).toEqual([]);
    await here.git("add", "committed", "own");
    await here.git("commit", "-qm", "work");
    await writeFile(here.file("own"), "2\n");
    await writeFile(here.file("fresh"), "1\n");
    await rm(here.file("removed"));
    await here.keep();
    expect((await here.kept.changes(OF, signal))?.uncommitted).toEqual(["removed", "test.sh"]);
    await here.git("add", "-A");
    await here.git("commit", "-qm", "the rest");
    await here.keep();
    expect((await here.kept.changes(OF, signal))?.uncommitted).toEqual([]);
  });
});

describe("kept work that is given to a sandbox", () => {
  it("is a file of its own that anybody may read, and stays as it is when something else is kept", async () => {
    await using here = await keptPlace();
    await writeFile(here.file("one"), "1\n");
    const first = await here.keep();
    const folder = here.folder.join("given");
    expect(await here.kept.give(OF, first.snapshotCommit, folder)).toEqual({
      bundle: "work.bundle",
      mirrorPath: here.mirror.mirrorPath,
      origin: here.origin.path,
    });
    const given = await readFile(join(folder, "work.bundle"));
    expect((await stat(join(folder, "work.bundle"))).mode & 0o777).toBe(0o644);
    await writeFile(here.file("two"), "2\n");
    await here.keep();
    expect(await readFile(join(folder, "work.bundle"))).toEqual(given);
    expect(await here.kept.give(OF, first.snapshotCommit, here.folder.join("other"))).toBeNull();
    expect(await readdir(here.folder.path)).not.toContain("other");
  });
});
