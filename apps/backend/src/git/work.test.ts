import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import type { WorkSnapshot } from "@ccr/protocol";
import { describe, expect, it } from "vitest";
import { collect, contentsOf, keptPlace, OF, pieces, RUN, runGit, signal } from "./testing/kept-place.ts";
import type { KeptOf } from "./work-places.ts";

const status = (path: string) => runGit(path, ["status", "--porcelain=v1", "-z", "--untracked-files=all"]);
const branches = (path: string) =>
  runGit(path, ["for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/stash"]);

describe("kept work", () => {
  it("gives back commits, changes, new files, links and modes exactly as they were", async () => {
    await using here = await keptPlace({
      kept: "1\n",
      changed: "1\n",
      removed: "1\n",
      script: "#!/bin/sh\n",
      ".gitignore": "ignored\n",
    });
    await writeFile(here.file("committed"), "by the agent\n");
    await here.git("add", "committed");
    await here.git("commit", "-qm", "work");
    await here.git("branch", "beside", "HEAD~1");
    await here.git("checkout", "-qb", "deep/branch");
    await writeFile(here.file("committed"), "again\n");
    await here.git("commit", "-qam", "more work");
    await here.git("checkout", "-q", "main");
    await writeFile(here.file("changed"), "2\n");
    await rm(here.file("removed"));
    await chmod(here.file("script"), 0o755);
    await writeFile(here.file("binary"), Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 7919) % 256)));
    await writeFile(here.file('ünï\ncode "quoted"\ttab'), "odd name\n");
    await writeFile(Buffer.concat([Buffer.from(here.file("latin-")), Buffer.from([0xe9])]), "not UTF-8\n");
    await symlink("nowhere/at all", here.file("link"));
    await writeFile(here.file("ignored"), "secret\n");
    await mkdir(here.file("new folder/deep"), { recursive: true });
    await writeFile(here.file("new folder/deep/file"), "");
    await here.keep();

    const before = await contentsOf(here.workspace);
    delete before.ignored;
    const restored = await here.restored();
    expect(await contentsOf(restored)).toEqual(before);
    expect(await status(restored)).toBe(await status(here.workspace));
    expect(await branches(restored)).toBe(await branches(here.workspace));
    expect(await runGit(restored, ["symbolic-ref", "HEAD"])).toBe("refs/heads/main");
    expect(await runGit(restored, ["log", "--format=%s", "main"])).toBe("work\nBegin");
    expect(await runGit(restored, ["remote", "get-url", "origin"])).toBe(here.origin.path);
    expect(await runGit(restored, ["for-each-ref", "refs/restore", "refs/ccr"])).toBe("");
    expect(await runGit(restored, ["fsck", "--strict", "--no-dangling"])).toBe("");
  });

  it("gives a patch that makes the work out of the base commit, of any size and encoding", async () => {
    await using here = await keptPlace({ text: "1\n", gone: "1\n" });
    await writeFile(here.file("text"), Buffer.from([0xe9, 0x0a, 0xff, 0x0a]));
    await here.git("commit", "-qam", "latin");
    await rm(here.file("gone"));
    await writeFile(here.file("large"), "a line of some length\n".repeat(1_000_000));
    await writeFile(here.file("binary"), Buffer.from([0, 1, 2, 255, 0]));
    await here.keep();
    await using patch = await here.kept.patch(OF, { placed: false, signal });
    if (patch === null) throw new Error("no patch");
    const path = here.folder.join("work.patch");
    await writeFile(path, await collect(patch.chunks));
    const clone = here.folder.join("clone");
    await runGit(here.folder.path, ["clone", "-q", here.origin.path, clone]);
    await runGit(clone, ["apply", path]);
    expect(await contentsOf(clone)).toEqual(await contentsOf(here.workspace));
  });

  it("gives a bundle that git fetches from", async () => {
    await using here = await keptPlace();
    await writeFile(here.file("new"), "1\n");
    const { snapshotCommit } = await here.keep();
    await using bundle = await here.kept.bundle(OF);
    const bytes = await collect(bundle?.chunks ?? pieces(Buffer.alloc(0)));
    expect(bytes.length).toBe(bundle?.bytes);
    const path = here.folder.join("work.bundle");
    await writeFile(path, bytes);
    await runGit(here.origin.path, ["fetch", "-q", path, "refs/ccr/snapshot:refs/heads/from-bundle"]);
    expect(await here.origin.commitId("from-bundle")).toBe(snapshotCommit);
  });

  it("restores an unborn branch, and a detached HEAD", async () => {
    await using here = await keptPlace();
    await here.git("checkout", "-q", "--detach");
    await writeFile(here.file("loose"), "1\n");
    await here.git("add", "loose");
    await here.git("commit", "-qm", "on no branch");
    expect(await here.keep()).toMatchObject({ branch: null });
    const detached = await here.restored();
    expect(await runGit(detached, ["rev-parse", "--abbrev-ref", "HEAD"])).toBe("HEAD");
    expect(await runGit(detached, ["log", "-1", "--format=%s"])).toBe("on no branch");

    await here.git("checkout", "-q", "--orphan", "fresh");
    expect(await here.keep()).toMatchObject({ branch: "fresh", headCommit: null });
    const unborn = await here.restored();
    expect(await runGit(unborn, ["symbolic-ref", "HEAD"])).toBe("refs/heads/fresh");
    await expect(runGit(unborn, ["rev-parse", "--verify", "HEAD"])).rejects.toThrow();
    expect(await contentsOf(unborn)).toEqual(await contentsOf(here.workspace));
  });

  it("keeps work of which even the agent's repository is gone", async () => {
    await using here = await keptPlace();
    await writeFile(here.file("new"), "1\n");
    await rm(here.file(".git"), { recursive: true });
    expect(await here.keep()).toMatchObject({ headCommit: null });
    expect(await contentsOf(await here.restored())).toEqual(await contentsOf(here.workspace));
  });

  it("stays restorable when the remote is pushed over, and its mirror cleaned or made anew", async () => {
    await using here = await keptPlace();
    const base = await here.origin.commitId();
    await writeFile(here.file("new"), "1\n");
    await here.keep();
    await here.origin.git("checkout", "-q", "--orphan", "other");
    await here.origin.commit({ message: "Another history", files: { other: "1\n" } });
    await here.origin.git("branch", "-M", "other", "main");
    await here.origin.git("reflog", "expire", "--expire=now", "--all");
    await here.origin.git("gc", "-q", "--prune=now");
    const address = { transport: "local" as const, path: here.origin.path, display: here.origin.path };
    const refresh = () => here.mirrors.ensure(address, { report: () => {}, signal });
    await refresh();
    await runGit(here.mirror.mirrorPath, ["gc", "-q", "--prune=now"]);
    expect(await runGit(here.mirror.mirrorPath, ["cat-file", "-t", base])).toBe("commit");
    expect(await here.mirrors.isPinned(here.mirror.mirrorPath, signal)).toBe(true);
    expect(await contentsOf(await here.restored())).toEqual(await contentsOf(here.workspace));

    // A lock file that a kill left makes the mirror count as damaged.
    const lock = `${here.mirror.mirrorPath}/refs/heads/main.lock`;
    await writeFile(lock, "");
    await here.origin.commit({ message: "Next", files: { other: "2\n" } });
    await refresh();
    expect(existsSync(lock)).toBe(false);
    await runGit(here.mirror.mirrorPath, ["gc", "-q", "--prune=now"]);
    expect(await contentsOf(await here.restored())).toEqual(await contentsOf(here.workspace));

    await here.kept.remove(RUN);
    expect(await here.mirrors.isPinned(here.mirror.mirrorPath, signal)).toBe(false);
    await runGit(here.mirror.mirrorPath, ["gc", "-q", "--prune=now"]);
    await expect(runGit(here.mirror.mirrorPath, ["cat-file", "-t", base])).rejects.toThrow();
  });

  it("makes no new bundle of the same snapshot, and puts the later one into the place of the earlier", async () => {
    await using here = await keptPlace();
    await writeFile(here.file("a"), "1\n");
    const first = await here.keep();
    const files = async () => (await readdir(here.folder.join("data", "kept", RUN))).sort();
    const before = await files();
    const never = (async function* (): AsyncGenerator<Uint8Array> {
      yield await Promise.reject(new Error("the bundle was read"));
    })();
    await here.kept.keep(here.run, { snapshot: first, bundle: never }, signal);
    expect(await files()).toEqual(before);
    await writeFile(here.file("a"), "2\n");
    const second = await here.keep();
    expect(await here.kept.find(OF)).toMatchObject({ snapshot: second });
    expect(await files()).toHaveLength(2);
    expect(await readdir(here.folder.join("data", "kept"))).toEqual([RUN]);
  });

  it("keeps the work in several repositories of a run side by side, with a patch of each and one from above them", async () => {
    await using here = await keptPlace({ text: "1\n", moved: "a line\n".repeat(50) });
    const [api, web] = [
      { runId: RUN, directory: "api" },
      { runId: RUN, directory: "web" },
    ];
    const keepAs = async (of: KeptOf): Promise<WorkSnapshot> => {
      const snapshot = await here.snapshots.take(signal);
      const bundle = pieces(await here.bundleOf(snapshot));
      await here.kept.keep({ ...of, repository: here.origin.path }, { snapshot, bundle }, signal);
      return snapshot;
    };
    await writeFile(here.file("text"), "api\n");
    await writeFile(here.file("binary"), Buffer.from([0, 1, 2, 255, 0]));
    const [first, firstFiles] = [await keepAs(api), await contentsOf(here.workspace)];
    await rm(here.file("binary"));
    await here.git("mv", "moved", "there");
    await here.git("commit", "-qm", "move");
    await writeFile(here.file("text"), "web\n");
    const [second, secondFiles] = [await keepAs(web), await contentsOf(here.workspace)];
    expect([await here.kept.find(api), await here.kept.find(web), await here.kept.find(OF)]).toMatchObject([
      { snapshot: first },
      { snapshot: second },
      null,
    ]);
    const changes = await here.kept.changes(web, signal);
    expect(changes).toMatchObject({
      uncommitted: ["web/text"],
      diff: {
        baseCommit: second.baseCommit,
        headCommit: second.headCommit,
        files: [
          { path: "web/text", status: "modified" },
          { path: "web/there", oldPath: "web/moved", status: "renamed" },
        ],
      },
    });
    const clones = here.folder.join("clones");
    await mkdir(clones);
    for (const { directory } of [api, web]) await runGit(clones, ["clone", "-q", here.origin.path, directory]);
    let whole = "";
    for (const of of [api, web]) {
      await using patch = await here.kept.patch(of, { placed: true, signal });
      whole += await collect(patch?.chunks ?? pieces(Buffer.alloc(0)));
    }
    await writeFile(here.folder.join("whole.patch"), whole);
    await runGit(clones, ["apply", here.folder.join("whole.patch")]);
    expect(await contentsOf(`${clones}/api`)).toEqual(firstFiles);
    expect(await contentsOf(`${clones}/web`)).toEqual(secondFiles);
    {
      await using alone = await here.kept.patch(web, { placed: false, signal });
      expect((await collect(alone?.chunks ?? pieces(Buffer.alloc(0)))).toString()).toMatch(/^diff --git a\/text b\/text$/m);
    }

    expect((await here.kept.list()).map(({ runId }) => runId)).toEqual([RUN]);
    await here.kept.remove(RUN);
    expect([await here.kept.find(api), await here.kept.find(web)]).toEqual([null, null]);
    expect(await here.mirrors.isPinned(here.mirror.mirrorPath, signal)).toBe(false);
    expect(await readdir(here.folder.join("data", "kept"))).toEqual([]);
  });

  it("tells what it keeps and how much, and removes it", async () => {
    await using here = await keptPlace();
    expect(await here.kept.list()).toEqual([]);
    expect(await here.kept.find(OF)).toBeNull();
    expect(await here.kept.patch(OF, { placed: false, signal })).toBeNull();
    expect(await here.kept.bundle(OF)).toBeNull();
    expect(await here.kept.conversation(RUN)).toBeNull();
    expect(await here.kept.restore(OF, here.folder.join("nothing"), signal)).toBe(false);
    await writeFile(here.file("a"), Buffer.alloc(300_000, "x"));
    await here.keep();
    const aside = await here.kept.workspaceFolder(RUN);
    await mkdir(aside);
    await writeFile(`${aside}/big`, Buffer.alloc(500_000, "y"));
    const [entry] = await here.kept.list();
    expect(entry?.runId).toBe(RUN);
    expect(entry?.bytes).toBeGreaterThan(500_000);
    await here.kept.remove(RUN);
    await here.kept.remove(RUN);
    expect(await readdir(here.folder.join("data", "kept"))).toEqual([]);
    expect(await here.kept.find(OF)).toBeNull();
  });

  it("goes on with a conversation where the kept part ends, and replaces one that was written anew", async () => {
    await using here = await keptPlace();
    const session = "01234567-89ab-cdef-0123-456789abcdef";
    const add = (after: number, text: string) =>
      here.kept.keepConversation(RUN, { session, after, chunks: pieces(Buffer.from(text), 3) }, signal);
    const all = async () => {
      await using download = await here.kept.conversation(RUN);
      return (await collect(download?.chunks ?? pieces(Buffer.alloc(0)))).toString();
    };
    expect(await here.kept.conversationBytes(RUN, session)).toBe(0);
    await add(0, '{"a":1}\n');
    await add(8, '{"b":2}\n');
    expect(await here.kept.conversationBytes(RUN, session)).toBe(16);
    await expect(add(5, "x")).rejects.toMatchObject({ code: "conflict" });
    await expect(add(99, "x")).rejects.toMatchObject({ code: "conflict" });
    expect(await all()).toBe('{"a":1}\n{"b":2}\n');
    const broken = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from("{}\n");
      throw new Error("cut");
    };
    await expect(here.kept.keepConversation(RUN, { session, after: 0, chunks: broken() }, signal)).rejects.toThrow("cut");
    expect(await all()).toBe('{"a":1}\n{"b":2}\n');
    await add(0, "{}\n");
    expect(await all()).toBe("{}\n");
    await expect(here.kept.conversationBytes(RUN, "../../etc/passwd")).rejects.toMatchObject({ code: "bad_request" });
  });

  it("keeps the outputs of checks as a whole or not at all, counts them, and removes them with the rest", async () => {
    await using here = await keptPlace();
    const text = async (name: string) => {
      await using download = await here.kept.checkOutput(RUN, name);
      return download === null ? null : (await collect(download.chunks)).toString();
    };
    const keepOutput = (name: string, chunks: AsyncIterable<Uint8Array>) => here.kept.keepOutput(RUN, { name, chunks }, signal);
    const names = () => readdir(here.folder.join("data", "kept"));
    const broken = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from("half");
      throw new Error("cut");
    };
    await expect(keepOutput("1-1-1", broken())).rejects.toThrow("cut");
    expect(await names()).toEqual([]);
    await keepOutput("1-1-1", pieces(Buffer.alloc(500_000, "x")));
    await keepOutput("1-1-1", pieces(Buffer.alloc(600_000, "y")));
    await keepOutput("1-1-2", pieces(Buffer.from("two")));
    await expect(keepOutput("1-1-1", broken())).rejects.toThrow("cut");
    expect(await text("1-1-1")).toBe("y".repeat(600_000));
    expect(await text("1-1-2")).toBe("two");
    expect(await text("1-1-3")).toBeNull();
    expect(await here.kept.find(OF)).toBeNull();
    const [entry] = await here.kept.list();
    expect(entry?.bytes).toBeGreaterThan(600_000);
    expect(await readdir(here.folder.join("data", "kept", RUN, "checks"))).toEqual(["1-1-1.txt", "1-1-2.txt"]);
    // What is kept of the work later is not touched by it, and does not touch it.
    await here.keep();
    expect(await text("1-1-1")).toHaveLength(600_000);
    await here.kept.remove(RUN);
    expect(await names()).toEqual([]);
    expect(await text("1-1-1")).toBeNull();
  });

  it("takes no output under another name, and none that does not end", async () => {
    await using here = await keptPlace();
    const keepOutput = (name: string, chunks: AsyncIterable<Uint8Array>) => here.kept.keepOutput(RUN, { name, chunks }, signal);
    for (const name of ["", "1-1", "../1-1-1", "1-1-1/../../x", "1-1-1\n"]) {
      await expect(keepOutput(name, pieces(Buffer.from("x")))).rejects.toMatchObject({ code: "bad_request" });
      await expect(here.kept.checkOutput(RUN, name)).rejects.toMatchObject({ code: "bad_request" });
    }
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      for (;;) yield Buffer.alloc(4 * 1024 * 1024);
    };
    await expect(keepOutput("1-1-1", endless())).rejects.toMatchObject({
      code: "payload_too_large",
      message: expect.stringContaining("The output is larger than 64 MiB"),
    });
    expect(await readdir(here.folder.join("data", "kept"))).toEqual([]);
  });

  it("does not restore over what is there", async () => {
    await using here = await keptPlace();
    await here.keep();
    const folder = here.folder.join("taken");
    await mkdir(folder);
    await writeFile(`${folder}/mine`, "1");
    await expect(here.kept.restore(OF, folder, signal)).rejects.toMatchObject({ code: "conflict" });
    expect(await readFile(`${folder}/mine`, "utf8")).toBe("1");
  });
});
