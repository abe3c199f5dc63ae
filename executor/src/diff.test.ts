import { chmod, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { parseChanges, splitPatch } from "@ccr/protocol";
import { waitFor } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { git } from "./git.ts";
import { place, text } from "./testing/diff-place.ts";

describe("diffWorkspace", () => {
  it("is empty when nothing differs", async () => {
    await using here = await place({ a: "1\n" });
    const { baseCommit, headCommit, ...rest } = await here.diff();
    expect(rest).toEqual({ files: [], patch: "", truncated: false });
    expect(headCommit).toBe(baseCommit);
  });

  it("shows what is committed, only changed, staged and new, and leaves out what is ignored", async () => {
    await using here = await place({
      committed: "1\n",
      changed: "1\n",
      staged: "1\n",
      removed: "1\n2\n",
      ".gitignore": "ignored/\n*.log\n",
    });
    await writeFile(here.file("committed"), "1\n2\n");
    await here.inWorkspace("commit", "-qam", "work");
    await writeFile(here.file("changed"), "2\n");
    await writeFile(here.file("staged"), "3\n");
    await here.inWorkspace("add", "staged");
    await rm(here.file("removed"));
    await writeFile(here.file("new"), "n\n");
    await mkdir(here.file("ignored"));
    await writeFile(here.file("ignored/x"), "x");
    await writeFile(here.file("a.log"), "x");
    const before = [await here.inWorkspace("status", "--porcelain"), await here.inWorkspace("count-objects", "-v")];
    const { files, headCommit, baseCommit } = await here.diff();
    expect(files).toEqual([
      { path: "changed", oldPath: null, status: "modified", additions: 1, deletions: 1 },
      { path: "committed", oldPath: null, status: "modified", additions: 1, deletions: 0 },
      { path: "new", oldPath: null, status: "added", additions: 1, deletions: 0 },
      { path: "removed", oldPath: null, status: "deleted", additions: 0, deletions: 2 },
      { path: "staged", oldPath: null, status: "modified", additions: 1, deletions: 1 },
    ]);
    expect(headCommit).toBe(await here.inWorkspace("rev-parse", "HEAD"));
    expect(headCommit).not.toBe(baseCommit);
    expect([await here.inWorkspace("status", "--porcelain"), await here.inWorkspace("count-objects", "-v")]).toEqual(before);
    expect(await readdir(here.folder.join("scratch"))).toEqual([]);
  });

  it("gives a patch that makes the same tree of a fresh clone", async () => {
    await using here = await place({
      "keep.txt": text(3),
      "edit.txt": text(200),
      "moved.txt": text(100, "moved"),
      "gone.txt": text(5),
      "mode.sh": "#!/bin/sh\n",
      "no-newline": "x",
      "to-link": "content\n",
      "dir/deep/file": "d\n",
      "latin1.txt": "old\n",
    });
    await writeFile(here.file("edit.txt"), text(200).replace("line 100\n", "changed\n"));
    await mkdir(here.file("other"));
    await rename(here.file("moved.txt"), here.file("other/moved here.txt"));
    await rm(here.file("gone.txt"));
    await chmod(here.file("mode.sh"), 0o755);
    await writeFile(here.file("no-newline"), "y");
    await rm(here.file("to-link"));
    await symlink("edit.txt", here.file("to-link"));
    await writeFile(here.file("binary"), Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 7) % 256)));
    // Bytes that are text to git and no UTF-8: JSON cannot carry them, and the patch must survive JSON.
    await writeFile(here.file("latin1.txt"), Buffer.from([0x63, 0x61, 0x66, 0xe9, 0x0a]));
    await writeFile(here.file("crlf.txt"), "a\r\nb\r\n");
    await writeFile(here.file("empty"), "");
    const { files, patch, truncated } = JSON.parse(JSON.stringify(await here.diff()));
    expect(truncated).toBe(false);
    expect(
      files.map(({ path, status, oldPath }: { path: string; status: string; oldPath: string | null }) => [path, status, oldPath]),
    ).toEqual([
      ["binary", "added", null],
      ["crlf.txt", "added", null],
      ["edit.txt", "modified", null],
      ["empty", "added", null],
      ["gone.txt", "deleted", null],
      ["latin1.txt", "modified", null],
      ["mode.sh", "modified", null],
      ["no-newline", "modified", null],
      ["other/moved here.txt", "renamed", "moved.txt"],
      ["to-link", "type_changed", null],
    ]);
    expect(files[0]).toMatchObject({ additions: null, deletions: null });
    expect(await here.treeOf(await here.applied(patch))).toBe(await here.treeOf(here.workspace));
  });

  it("shows a change of the same size in the very second of the checkout", async () => {
    await using here = await place({ digit: "1\n" });
    const second = () => Math.floor(Date.now() / 1000);
    await waitFor(
      async () => {
        const begun = second();
        await here.inWorkspace("checkout-index", "--force", "--index", "digit");
        await writeFile(here.file("digit"), "2\n");
        const { ctimeMs } = await stat(here.file("digit"));
        return Math.floor(ctimeMs / 1000) === begun && second() === begun;
      },
      { what: "all of it to be within a second" },
    );
    const changed = second();
    await waitFor(() => second() > changed, { what: "the next second" });
    expect((await here.diff()).files.map(({ path }) => path)).toEqual(["digit"]);
  });

  it("shows files that the agent hid from git", async () => {
    await using here = await place({ assumed: "1\n", "odd\nname": "1\n", skipped: "1\n", both: "1\n", same: "1\n" });
    await here.inWorkspace("update-index", "--assume-unchanged", "assumed", "odd\nname", "both", "same");
    await here.inWorkspace("update-index", "--skip-worktree", "skipped", "both");
    for (const name of ["assumed", "odd\nname", "skipped", "both"]) await writeFile(here.file(name), "2\n");
    const { files } = await here.diff();
    expect(files.map(({ path }) => path).sort()).toEqual(["assumed", "both", "odd\nname", "skipped"]);
    expect(await here.inWorkspace("ls-files", "-v", "same")).toBe("h same");
  });

  it("is right about names that are made to confuse", async () => {
    const names = [
      "-n",
      "--output=x",
      "a\nb",
      "tab\there",
      'quo"te',
      "back\\slash",
      " leading",
      "trailing ",
      "ünï€😀",
      "\u202etxt.exe",
      "diff --git a b",
      "$(touch x)",
      "*?[a]",
    ];
    await using here = await place({ base: "1\n", "old\nname": text(50) });
    for (const name of names) await writeFile(here.file(name), `${name}\n`);
    await rename(here.file("old\nname"), here.file("new\tname"));
    const { files, patch } = await here.diff();
    expect(new Set(files.map(({ path }) => path))).toEqual(new Set([...names, "new\tname"]));
    expect(files.find(({ path }) => path === "new\tname")).toMatchObject({ status: "renamed", oldPath: "old\nname" });
    for (const file of files.filter(({ status }) => status === "added"))
      expect(file.additions).toBe(file.path.includes("\n") ? 2 : 1);
    expect(await here.treeOf(await here.applied(patch))).toBe(await here.treeOf(here.workspace));
  });

  it("is cut at the end of a file when it is too long", async () => {
    await using here = await place({ base: "1\n" });
    for (const name of ["a", "b", "c"]) await writeFile(here.file(name), text(100));
    const whole = await here.diff();
    const parts = splitPatch(Buffer.from(whole.patch));
    expect(parts).toHaveLength(3);
    const cut = await here.diff(whole.patch.length - 1);
    expect(cut.truncated).toBe(true);
    expect(cut.patch).toBe(Buffer.concat(parts.slice(0, 2)).toString());
    expect(cut.files).toHaveLength(3);
    expect(await readdir(await here.applied(cut.patch))).toEqual(expect.arrayContaining(["a", "b"]));
    expect(await here.diff(10)).toMatchObject({ patch: "", truncated: true });
    expect(await here.diff(whole.patch.length)).toMatchObject({ truncated: false, patch: whole.patch });
  });

  it("runs nothing that stands in the repository, and obeys none of its settings", async () => {
    await using here = await place({ a: text(20), ".gitattributes": "a diff=evil\n* -text\n" });
    const script = here.folder.join("evil.sh");
    await writeFile(script, `#!/bin/sh\ntouch ${here.folder.join("PWNED")}\n`);
    await chmod(script, 0o755);
    for (const [name, value] of [
      ["diff.evil.textconv", script],
      ["diff.evil.command", script],
      ["diff.external", script],
      ["core.fsmonitor", script],
      ["core.hooksPath", here.folder.path],
      ["diff.noprefix", "true"],
      ["diff.mnemonicPrefix", "true"],
      ["color.ui", "always"],
      ["core.quotePath", "false"],
      ["diff.renames", "false"],
      ["core.pager", script],
    ] as const) {
      await here.inWorkspace("config", name, value);
    }
    await mkdir(here.file(".git/hooks"), { recursive: true });
    await writeFile(here.file(".git/hooks/post-index-change"), `#!/bin/sh\ntouch ${here.folder.join("PWNED")}\n`, {
      mode: 0o755,
    });
    await rename(here.file("a"), here.file("b"));
    const { files, patch } = await here.diff();
    expect(files).toMatchObject([{ path: "b", oldPath: "a", status: "renamed" }]);
    expect(patch.startsWith("diff --git a/a b/b\n")).toBe(true);
    expect(await readdir(here.folder.path)).not.toContain("PWNED");
  });

  it("does not lose all the rest to a repository inside the repository", async () => {
    await using here = await place({ a: "1\n" });
    await mkdir(here.file("inner"));
    await git(["init", "--quiet", here.file("inner")], {
      cwd: here.workspace,
      env: { PATH: process.env.PATH ?? "", HOME: here.folder.path },
    });
    await writeFile(here.file("inner/x"), "x\n");
    await writeFile(here.file("z"), "z\n");
    expect((await here.diff()).files.map(({ path }) => path)).toContain("z");
  });

  it("still knows the base after the agent has rewritten history", async () => {
    await using here = await place({ a: "1\n" });
    const { baseCommit } = await here.diff();
    await here.inWorkspace("checkout", "-q", "--orphan", "fresh");
    await writeFile(here.file("a"), "2\n");
    await here.inWorkspace("commit", "-qam", "all new");
    expect(await here.diff()).toMatchObject({ baseCommit, files: [{ path: "a", status: "modified" }] });
  });

  it("works without an index and in the middle of a merge", async () => {
    await using here = await place({ a: "1\n" });
    await rm(here.file(".git/index"));
    expect((await here.diff()).files).toEqual([]);
    await here.inWorkspace("reset", "-q");
    for (const [branch, content] of [
      ["x", "x\n"],
      ["y", "y\n"],
    ] as const) {
      await here.inWorkspace("checkout", "-q", "-b", branch, "main");
      await writeFile(here.file("a"), content);
      await here.inWorkspace("commit", "-qam", branch);
    }
    await expect(here.inWorkspace("merge", "-q", "x")).rejects.toThrow();
    expect((await here.diff()).files).toMatchObject([{ path: "a", status: "modified" }]);
    expect(await readFile(here.file("a"), "utf8")).toContain("<<<<<<<");
  });
});

describe("parseChanges", () => {
  it("reads nothing out of nothing", () => {
    expect(parseChanges("", "")).toEqual([]);
  });
});
