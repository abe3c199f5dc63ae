import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { CcrError, GitCloneInput, SNAPSHOT_REF } from "@ccr/protocol";
import { createGitRepository, type Files, temporaryFolder, waitFor } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { git } from "./git.ts";
import { gitClone } from "./git-clone.ts";
import { type SnapshotOptions, Snapshots } from "./snapshot.ts";
import { StateFile } from "./state.ts";

const { signal } = new AbortController();

const place = async (files: Files = { "README.md": "hello\n" }) => {
  const folder = await temporaryFolder();
  const repository = await createGitRepository({ bare: true, path: folder.join("mirror"), files });
  const home = folder.join("home");
  const workspace = folder.join("workspace");
  await mkdir(home);
  const env = { PATH: process.env.PATH ?? "", HOME: home, GIT_CONFIG_NOSYSTEM: "1" };
  const state = await StateFile.open(folder.join("state"));
  const input = GitCloneInput.parse({ repositoryUrl: "https://host.test/a/b", mirrorPath: repository.path });
  await gitClone(input, { home, env, workspace, state, signal });
  await git(["config", "--global", "user.email", "t@t.test"], { cwd: home, env });
  await git(["config", "--global", "user.name", "t"], { cwd: home, env });
  const open = (name = "scratch", more: Partial<SnapshotOptions> = {}) =>
    new Snapshots({ workspace, scratch: folder.join(name), env, state, ...more });
  const snapshots = open();
  const inWorkspace = (...args: string[]) => git(args, { cwd: workspace, env });
  let clones = 0;
  return {
    folder,
    workspace,
    state,
    open,
    snapshots,
    inWorkspace,
    file: (name: string) => `${workspace}/${name}`,
    take: () => snapshots.take(signal),
    /** The files of a snapshot, as they come out of its bundle in a clone of the mirror. */
    filesOf: async (commit: string, from = snapshots): Promise<Record<string, string>> => {
      const path = folder.join("work.bundle");
      const { length, chunks } = await from.bundle(commit, signal);
      const bytes = Buffer.concat(await Array.fromAsync(chunks));
      expect(bytes.length).toBe(length);
      await writeFile(path, bytes);
      const clone = folder.join(`clone-${clones++}`);
      await git(["clone", "--quiet", "--no-checkout", "--", repository.path, clone], { cwd: home, env });
      await git(["fetch", "--quiet", "--", path, `${SNAPSHOT_REF}:refs/heads/snapshot`], { cwd: clone, env });
      expect(await git(["rev-parse", "snapshot"], { cwd: clone, env })).toBe(commit);
      const listed = await git(["ls-tree", "-r", "-z", "snapshot"], { cwd: clone, env });
      const files: Record<string, string> = {};
      for (const line of listed.split("\0").filter((each) => each !== "")) {
        const [, mode = "", , object = "", name = ""] = /^(\d+) (\w+) (\w+)\t([\s\S]*)$/.exec(line) ?? [];
        files[name] =
          mode === "160000" ? `commit ${object}` : `${mode} ${await git(["cat-file", "blob", object], { cwd: clone, env })}`;
      }
      return files;
    },
    /** Everything of the agent's repository that a snapshot must leave alone. */
    untouched: async () => {
      const seen: Record<string, string> = {};
      for (const entry of await readdir(`${workspace}/.git`, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue;
        const path = `${entry.parentPath}/${entry.name}`;
        // git notes the use of an object in its time.
        const time = path.includes("/objects/") ? 0 : (await stat(path)).mtimeMs;
        seen[path] = `${time} ${(await readFile(path)).toString("base64")}`;
      }
      return { seen, status: await inWorkspace("status", "--porcelain") };
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
};

describe("a snapshot", () => {
  it("holds what is committed, changed, staged and new, and leaves the agent's repository alone", async () => {
    await using here = await place({ kept: "1", changed: "1", removed: "1", script: "1", ".gitignore": "ignored" });
    await writeFile(here.file("committed"), "2");
    await here.inWorkspace("add", "committed");
    await here.inWorkspace("commit", "-qm", "work");
    await writeFile(here.file("changed"), "2");
    await writeFile(here.file("staged"), "3");
    await here.inWorkspace("add", "staged");
    await rm(here.file("removed"));
    await chmod(here.file("script"), 0o755);
    await writeFile(here.file("ignored"), "x");
    await writeFile(here.file("new\nline ü"), "4");
    await symlink("to/nowhere", here.file("link"));
    await here.inWorkspace("status");
    const before = await here.untouched();
    const snapshot = await here.take();
    expect(await here.untouched()).toEqual(before);
    expect(snapshot).toEqual({
      baseCommit: await here.inWorkspace("rev-parse", "HEAD~1"),
      headCommit: await here.inWorkspace("rev-parse", "HEAD"),
      branch: "main",
      snapshotCommit: expect.stringMatching(/^[0-9a-f]{40}$/),
    });
    expect(await here.filesOf(snapshot.snapshotCommit)).toEqual({
      ".gitignore": "100644 ignored",
      kept: "100644 1",
      changed: "100644 2",
      committed: "100644 2",
      staged: "100644 3",
      script: "100755 1",
      link: "120000 to/nowhere",
      "new\nline ü": "100644 4",
    });
  });

  it("is the same commit for the same content, whoever takes it and whatever was there in between", async () => {
    await using here = await place({ a: "1", "tracked.log": "1" });
    await writeFile(here.file("new"), "1");
    const { snapshotCommit } = await here.take();
    expect((await here.take()).snapshotCommit).toBe(snapshotCommit);
    expect((await here.open("other").take(signal)).snapshotCommit).toBe(snapshotCommit);
    const differs = async () => expect((await here.take()).snapshotCommit).not.toBe(snapshotCommit);
    await writeFile(here.file("build.log"), "of the agent");
    await rm(here.file("tracked.log"));
    await differs();
    // It was taken in before it was ignored; and a file of HEAD comes back although it is ignored now.
    await writeFile(here.file(".gitignore"), "*.log\n");
    await writeFile(here.file("tracked.log"), "1");
    const ignoring = await here.take();
    expect(Object.keys(await here.filesOf(ignoring.snapshotCommit)).sort()).toEqual([".gitignore", "a", "new", "tracked.log"]);
    expect((await here.open("third").take(signal)).snapshotCommit).toBe(ignoring.snapshotCommit);
    await rm(here.file(".gitignore"));
    await rm(here.file("build.log"));
    expect((await here.take()).snapshotCommit).toBe(snapshotCommit);
    // A commit on another branch is work too.
    await here.inWorkspace("branch", "other");
    const branched = await here.take();
    expect(branched.snapshotCommit).not.toBe(snapshotCommit);
    await here.inWorkspace("update-ref", "refs/heads/other", await here.inWorkspace("commit-tree", "HEAD^{tree}", "-m", "x"));
    expect((await here.take()).snapshotCommit).not.toBe(branched.snapshotCommit);
  });

  it("runs nothing that the repository's settings name, and is not deceived by flags in its index", async () => {
    await using here = await place({ ".gitattributes": "* filter=evil\n", hidden: "1", assumed: "1" });
    const ran = here.folder.join("ran");
    const program = here.folder.join("evil.sh");
    await writeFile(program, `#!/bin/sh\ntouch ${ran}\ncat\n`, { mode: 0o755 });
    await here.inWorkspace("update-index", "--skip-worktree", "hidden");
    await here.inWorkspace("update-index", "--assume-unchanged", "assumed");
    for (const [name, value] of [
      ["filter.evil.clean", program],
      ["filter.evil.process", program],
      ["filter.evil.required", "true"],
      ["core.fsmonitor", program],
      ["core.hooksPath", here.folder.join("hooks")],
      ["core.editor", program],
      ["gpg.program", program],
      ["commit.gpgSign", "true"],
      ["core.attributesFile", here.file(".gitattributes")],
    ] as const) {
      await here.inWorkspace("config", name, value);
      await git(["config", "--global", name, value], {
        cwd: here.workspace,
        env: { PATH: process.env.PATH ?? "", HOME: here.folder.join("home") },
      });
    }
    await mkdir(here.folder.join("hooks"));
    for (const hook of ["pre-commit", "post-index-change", "reference-transaction"])
      await writeFile(here.folder.join(`hooks/${hook}`), `#!/bin/sh\ntouch ${ran}\n`, { mode: 0o755 });
    await rm(ran, { force: true });
    for (const name of ["hidden", "assumed", "new"]) await writeFile(here.file(name), "2");
    const { snapshotCommit } = await here.take();
    expect(await here.filesOf(snapshotCommit)).toMatchObject({ hidden: "100644 2", assumed: "100644 2", new: "100644 2" });
    expect(existsSync(ran)).toBe(false);
  });

  it("is taken while locks of git lie about", async () => {
    await using here = await place();
    for (const lock of ["index.lock", "HEAD.lock", "refs/heads/main.lock", "packed-refs.lock", "config.lock"])
      await writeFile(here.file(`.git/${lock}`), "");
    await writeFile(here.file("new"), "1");
    expect(await here.filesOf((await here.take()).snapshotCommit)).toMatchObject({ new: "100644 1" });
  });

  it("holds the files of repositories that lie in the workspace, without what they ignore", async () => {
    await using here = await place();
    for (const inner of ["inner", "inner/deeper", "empty", "unborn"]) {
      await mkdir(here.file(inner), { recursive: true });
      await git(["init", "--quiet", here.file(inner)], { cwd: here.workspace, env: { PATH: process.env.PATH ?? "" } });
    }
    await writeFile(here.file("inner/.gitignore"), "*.o\n");
    await writeFile(here.file("inner/a.o"), "x");
    await writeFile(here.file("inner/a"), "1");
    await writeFile(here.file("inner/deeper/b"), "2");
    await writeFile(here.file("unborn/c"), "3");
    const inner = (...args: string[]) => here.inWorkspace("-C", "inner", ...args);
    await inner("add", "a");
    await inner("commit", "-qm", "inner");
    const first = await here.take();
    expect(await here.filesOf(first.snapshotCommit)).toEqual({
      "README.md": "100644 hello",
      "inner/.gitignore": "100644 *.o",
      "inner/a": "100644 1",
      "inner/deeper/b": "100644 2",
      "unborn/c": "100644 3",
    });
    expect((await here.take()).snapshotCommit).toBe(first.snapshotCommit);
    await writeFile(here.file("inner/a"), "changed");
    expect(await here.filesOf((await here.take()).snapshotCommit)).toMatchObject({ "inner/a": "100644 changed" });
  });

  it("follows files that become folders, folders that become links, and what no file is", async () => {
    await using here = await place({ file: "1", "folder/a": "1", "folder/b": "1", pipe: "1", sub: "1" });
    await writeFile(here.folder.join("outside"), "secret");
    await here.take();
    await rm(here.file("file"));
    await mkdir(here.file("file"));
    await writeFile(here.file("file/inner"), "2");
    await rename(here.file("folder"), here.folder.join("moved"));
    await symlink(here.folder.join("moved"), here.file("folder"));
    await rm(here.file("pipe"));
    await here.inWorkspace("-c", "alias.f=!mkfifo pipe fifo", "f");
    await rm(here.file("sub"));
    await git(["init", "--quiet", here.file("sub")], { cwd: here.workspace, env: { PATH: process.env.PATH ?? "" } });
    await writeFile(here.file("sub/inner"), "3");
    const files = await here.filesOf((await here.take()).snapshotCommit);
    expect(files).toEqual({
      "file/inner": "100644 2",
      folder: `120000 ${here.folder.join("moved")}`,
      "sub/inner": "100644 3",
    });
    await rm(here.file("folder"));
    await mkdir(here.file("folder"));
    await writeFile(here.file("folder/a"), "back");
    expect(await here.filesOf((await here.take()).snapshotCommit)).toMatchObject({ "folder/a": "100644 back" });
  });

  it("names what it leaves out, and keeps that as HEAD has it", async () => {
    await using here = await place({ grown: "small" });
    for (const name of ["grown", "huge"]) {
      const path = here.file(name);
      await writeFile(path, "");
      await here.inWorkspace("-c", `alias.t=!truncate -s 200M ${name}`, "t");
    }
    await writeFile(here.file("new"), "1");
    const snapshot = await here.take();
    expect(snapshot.leftOut).toEqual([
      { path: "huge", why: "too_large" },
      { path: "grown", why: "too_large" },
    ]);
    expect(await here.filesOf(snapshot.snapshotCommit)).toEqual({ grown: "100644 small", new: "100644 1" });
    expect((await here.open("other").take(signal)).snapshotCommit).toBe(snapshot.snapshotCommit);
  });

  it("takes the bytes of a file that is not in the encoding that the attributes say", async () => {
    await using here = await place({ ".gitattributes": "*.txt working-tree-encoding=UTF-16\n" });
    await writeFile(here.file("odd.txt"), "odd");
    await writeFile(here.file("plain"), "1");
    const snapshot = await here.take();
    expect(await here.filesOf(snapshot.snapshotCommit)).toMatchObject({ "odd.txt": "100644 odd", plain: "100644 1" });
    expect((await here.take()).snapshotCommit).toBe(snapshot.snapshotCommit);
  });

  it("goes on without a branch of which objects are missing", async () => {
    await using here = await place();
    await here.inWorkspace("checkout", "-qb", "broken");
    await writeFile(here.file("lost"), "only here");
    await here.inWorkspace("add", "lost");
    await here.inWorkspace("commit", "-qm", "lost");
    const blob = await here.inWorkspace("rev-parse", "HEAD:lost");
    await here.inWorkspace("checkout", "-q", "main");
    await rm(here.file(`.git/objects/${blob.slice(0, 2)}/${blob.slice(2)}`));
    await writeFile(here.file("new"), "1");
    const first = await here.take();
    await expect(here.snapshots.bundle(first.snapshotCommit, signal)).rejects.toMatchObject({ code: "conflict" });
    expect(await here.filesOf((await here.take()).snapshotCommit)).toMatchObject({ new: "100644 1" });
  });

  it("comes back after its store was damaged, or its git was killed", async () => {
    await using here = await place();
    await writeFile(here.file("new"), "1");
    const { snapshotCommit } = await here.take();
    await writeFile(here.folder.join("scratch/store/index"), "garbage");
    expect((await here.take()).snapshotCommit).toBe(snapshotCommit);
    await rm(here.folder.join("scratch/store/objects"), { recursive: true });
    expect((await here.take()).snapshotCommit).toBe(snapshotCommit);
    await writeFile(here.folder.join("scratch/store/index.lock"), "");
    expect((await here.take()).snapshotCommit).toBe(snapshotCommit);
    const late = new AbortController();
    const aborted = here.snapshots.take(late.signal);
    late.abort();
    await expect(aborted).rejects.toBeInstanceOf(CcrError);
    expect(await here.filesOf((await here.take()).snapshotCommit)).toMatchObject({ new: "100644 1" });
  });

  it("has no bundle but that of the latest, and leaves no file of it behind", async () => {
    await using here = await place();
    const first = await here.take();
    await writeFile(here.file("new"), "1");
    await here.take();
    await expect(here.snapshots.bundle(first.snapshotCommit, signal)).rejects.toMatchObject({ code: "not_found" });
    expect((await readdir(here.folder.join("scratch"))).sort()).toEqual(["format", "store"]);
  });

  it("is refused while the repository is still being cloned", async () => {
    await using here = await place();
    for (const cloning of [{}, { directory: "beside" }]) {
      await here.state.update({ cloning });
      await expect(here.take()).rejects.toMatchObject({ code: "conflict" });
    }
  });

  it("does not let its store grow without bound", async () => {
    await using here = await place();
    const snapshots = here.open("scratch", { spare: { objects: 1_000, kib: 1_024 } });
    const kib = async () => {
      const store = here.folder.join("scratch/store");
      return Number(/^size: (\d+)/m.exec(await here.inWorkspace("--git-dir", store, "count-objects", "-v"))?.[1]);
    };
    let most = 0;
    for (let turn = 0; turn < 20; turn++) {
      await writeFile(here.file("big"), randomBytes(300_000));
      const { snapshotCommit } = await snapshots.take(signal);
      await snapshots.bundle(snapshotCommit, signal);
      most = Math.max(most, await kib());
    }
    // Twenty of them would be 6,000.
    expect(most).toBeGreaterThan(300);
    expect(most).toBeLessThan(2_500);
  });
});

describe("while the agent works", () => {
  it("never fails, and in the end holds what is there", async () => {
    await using here = await place({ "src/steady": "1" });
    let state = 20261123;
    const random = (below: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 4294967296) * below);
    };
    let working = true;
    let changes = 0;
    const work = async () => {
      while (working) {
        const name = here.file(`src/f${random(300)}`);
        const act = random(6);
        if (act < 3) await writeFile(name, `${random(1000)}`.repeat(random(2000))).catch(() => {});
        else if (act < 5) await rm(name, { force: true, recursive: true }).catch(() => {});
        else {
          await rm(name, { force: true, recursive: true }).catch(() => {});
          await mkdir(`${name}/deep`, { recursive: true }).catch(() => {});
          await writeFile(`${name}/deep/x`, "1").catch(() => {});
        }
        changes++;
      }
    };
    const workers = [work(), work(), work()];
    try {
      for (let turn = 0; turn < 15; turn++) {
        const before = changes;
        const { snapshotCommit } = await here.take();
        if (turn % 5 === 0) expect(await here.filesOf(snapshotCommit)).toMatchObject({ "src/steady": "100644 1" });
        await waitFor(() => changes > before);
      }
    } finally {
      working = false;
      await Promise.all(workers);
    }
    const { snapshotCommit } = await here.take();
    expect((await here.open("fresh").take(signal)).snapshotCommit).toBe(snapshotCommit);
    expect(changes).toBeGreaterThan(100);
  });
});
