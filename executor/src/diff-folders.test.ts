import { chmod, mkdir, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { splitPatch } from "@ccr/protocol";
import { describe, expect, it } from "vitest";
import { runCommand } from "./run-command.ts";
import { placeOf, text } from "./testing/diff-place.ts";

describe("diffWorkspace of clones in folders", () => {
  const bytes = (seed: number) => Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * seed) % 256));

  it("names each file by its path in the workspace, in the order of cloning, and applies beside fresh clones", async () => {
    const files = {
      "edit.txt": text(200),
      "moved.txt": text(100, "moved"),
      "gone.txt": text(5),
      "dir/mode.sh": "#!/bin/sh\n",
      "latin1.txt": "old\n",
      "image.bin": `\0${text(500, "image")}`,
      ".gitignore": "*.log\n",
    };
    await using here = await placeOf({ web: files, api: { ...files, "wanders.txt": text(80, "wanders") } });
    await writeFile(here.file("web/edit.txt"), text(200).replace("line 100\n", "of web\n"));
    await here.inWorkspace("-C", "web", "commit", "-qam", "work");
    await mkdir(here.file("web/other"));
    await rename(here.file("web/moved.txt"), here.file("web/other/moved here.txt"));
    await rename(here.file("api/moved.txt"), here.file("api/tab\tbed.txt"));
    await writeFile(here.file("api/edit.txt"), text(200).replace("line 7\n", "of api\n"));
    await rm(here.file("api/gone.txt"));
    await rm(here.file("web/gone.txt"));
    await chmod(here.file("api/dir/mode.sh"), 0o755);
    await writeFile(here.file("api/new.bin"), bytes(7));
    await writeFile(here.file("web/image.bin"), `\0${text(501, "image")}`);
    await writeFile(here.file("api/latin1.txt"), Buffer.from([0x63, 0x61, 0x66, 0xe9, 0x0a]));
    await writeFile(here.file("web/new ü.txt"), "new\n");
    await writeFile(here.file("web/a.log"), "ignored");
    await writeFile(here.file("beside.txt"), "in no repository");
    // To git these two have nothing to do with each other.
    await rename(here.file("api/wanders.txt"), here.file("web/wanders.txt"));
    const untouched = async () => [
      await here.inWorkspace("-C", "api", "status", "--porcelain"),
      await here.inWorkspace("-C", "api", "count-objects", "-v"),
    ];
    const before = await untouched();
    const { files: changes, patch, truncated, baseCommit, headCommit } = JSON.parse(JSON.stringify(await here.diff()));
    expect(await untouched()).toEqual(before);
    expect(truncated).toBe(false);
    expect(
      changes.map(({ path, status, oldPath }: { path: string; status: string; oldPath: string | null }) => [
        path,
        status,
        oldPath,
      ]),
    ).toEqual([
      ["web/edit.txt", "modified", null],
      ["web/gone.txt", "deleted", null],
      ["web/image.bin", "modified", null],
      ["web/new ü.txt", "added", null],
      ["web/other/moved here.txt", "renamed", "web/moved.txt"],
      ["web/wanders.txt", "added", null],
      ["api/dir/mode.sh", "modified", null],
      ["api/edit.txt", "modified", null],
      ["api/gone.txt", "deleted", null],
      ["api/latin1.txt", "modified", null],
      ["api/new.bin", "added", null],
      ["api/tab\tbed.txt", "renamed", "api/moved.txt"],
      ["api/wanders.txt", "deleted", null],
    ]);
    expect(changes[0]).toMatchObject({ additions: 1, deletions: 1 });
    expect(changes[2]).toMatchObject({ additions: null, deletions: null });
    expect(patch).toContain("\nrename from web/moved.txt\nrename to web/other/moved here.txt\n");
    expect(patch).toContain('\nrename from api/moved.txt\nrename to "api/tab\\tbed.txt"\n');
    expect(baseCommit).toBe(await here.inWorkspace("-C", "web", "rev-parse", "HEAD~1"));
    expect(headCommit).toBe(await here.inWorkspace("-C", "web", "rev-parse", "HEAD"));
    const fresh = await here.applied(patch);
    for (const name of ["web", "api"]) expect(await here.treeOf(`${fresh}/${name}`)).toBe(await here.treeOf(here.file(name)));
  });

  it("is empty when nothing differs, and has the clones of which nothing does not", async () => {
    await using here = await placeOf({ web: { a: "1\n" }, api: { a: "1\n" } });
    expect(await here.diff()).toMatchObject({ files: [], patch: "", truncated: false });
    await writeFile(here.file("api/a"), "2\n");
    const { files, patch } = await here.diff();
    expect(files).toEqual([{ path: "api/a", oldPath: null, status: "modified", additions: 1, deletions: 1 }]);
    expect(patch.startsWith("diff --git a/api/a b/api/a\n")).toBe(true);
  });

  it("is cut at the end of a file when all of it is too long", async () => {
    await using here = await placeOf({ web: { base: "1\n" }, api: { base: "1\n" } });
    for (const name of ["web/a", "web/b", "api/a", "api/b"]) await writeFile(here.file(name), text(100));
    const whole = await here.diff();
    const cut = await here.diff(whole.patch.length - 1);
    expect(cut).toMatchObject({ truncated: true, files: whole.files });
    expect(cut.patch).toBe(Buffer.concat(splitPatch(Buffer.from(whole.patch)).slice(0, 3)).toString());
    expect(await here.diff(whole.patch.length)).toEqual(whole);
    const first = await here.diff(whole.patch.length / 4);
    expect(first).toMatchObject({ truncated: true, files: whole.files });
    expect(splitPatch(Buffer.from(first.patch))).toHaveLength(1);
  });

  it("shows files that the agent hid from git, and runs nothing that stands in a repository", async () => {
    await using here = await placeOf({ web: { a: "1\n" }, api: { a: text(20), ".gitattributes": "a diff=evil\n" } });
    const script = here.folder.join("evil.sh");
    await writeFile(script, `#!/bin/sh\ntouch ${here.folder.join("PWNED")}\n`, { mode: 0o755 });
    for (const name of ["diff.evil.textconv", "diff.evil.command", "diff.external", "core.fsmonitor"])
      await here.inWorkspace("-C", "api", "config", name, script);
    await here.inWorkspace("-C", "web", "update-index", "--assume-unchanged", "a");
    await writeFile(here.file("web/a"), "2\n");
    await writeFile(here.file("api/a"), text(21));
    expect((await here.diff()).files.map(({ path }) => path)).toEqual(["web/a", "api/a"]);
    expect(await readdir(here.folder.path)).not.toContain("PWNED");
  });

  it("says which folder is gone, was replaced, or has no repository any more", async () => {
    await using here = await placeOf({ web: { a: "1\n" }, api: { a: "1\n" } });
    await rename(here.file("api"), here.folder.join("moved"));
    await expect(here.diff()).rejects.toMatchObject({ code: "conflict", message: expect.stringMatching(/'api'.* is gone/) });
    await symlink(here.folder.join("moved"), here.file("api"));
    const replaced = { code: "conflict", message: expect.stringMatching(/'api'.* was replaced/) };
    await expect(here.diff()).rejects.toMatchObject(replaced);
    await rm(here.file("api"));
    await runCommand("mkfifo", [here.file("api")], { cwd: here.workspace, env: { PATH: process.env.PATH ?? "" } });
    await expect(here.diff()).rejects.toMatchObject(replaced);
    await rm(here.file("api"));
    await rename(here.folder.join("moved"), here.file("api"));
    await rm(here.file("api/.git"), { recursive: true });
    // A repository above it is not its own.
    await here.inWorkspace("init", "--quiet");
    const without = { code: "internal", message: expect.stringMatching(/folder 'api'.*not a git repository/) };
    await expect(here.diff()).rejects.toMatchObject(without);
    await here.inWorkspace("init", "--quiet", "api");
    await expect(here.diff()).rejects.toMatchObject({ code: "internal", message: expect.stringContaining("folder 'api'") });
  });
});
