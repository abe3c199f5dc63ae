import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, mkdir, readdir, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { parseRepository, type RepositoryAddress } from "@ccr/protocol";
import { createGitRepository, leakWatch, type RepositoryOptions, temporaryFolder } from "@ccr/testkit";
import { describe, expect, test } from "vitest";
import { createMirrors, MirrorError, type MirrorsOptions, mirrorName } from "./mirrors.ts";

const addressOf = (text: string): RepositoryAddress => {
  const parsed = parseRepository(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.address;
};

/** A data directory, a root for local repositories with one repository in it, and mirrors over them. */
const place = async (repositoryOptions: RepositoryOptions, options: Partial<MirrorsOptions> = {}) => {
  const folder = await temporaryFolder();
  const repository = await createGitRepository({ ...repositoryOptions, path: folder.join("roots", "hello") });
  const dataDir = folder.join("data");
  const mirrors = createMirrors({ dataDir, localRepositoryRoots: [folder.join("roots")], ...options });
  const ensure = (path = repository.path, ref?: string, signal = new AbortController().signal) =>
    mirrors.ensure(addressOf(path), { ref, report: () => {}, signal });
  return { folder, repository, dataDir, ensure, mirrors, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
};

const refused = async (work: Promise<unknown>): Promise<MirrorError> => {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof MirrorError) return error;
  throw new Error(`not a MirrorError but ${String(error)}`);
};

describe("a local repository", () => {
  test("of a thousand files is mirrored with its branches, tags and HEAD, and nothing else is left", async () => {
    const leaks = await leakWatch();
    {
      await using here = await place({ thousandFiles: true, branches: { "work/one": { "one.txt": "1" } }, tags: ["v1"] });
      const { repository } = here;
      const fresh = await here.ensure();
      expect(fresh).toEqual({
        mirrorPath: expect.stringMatching(/\/data\/mirrors\/[0-9a-f]{16}-hello\.git$/),
        commit: await repository.commitId(),
        ref: { name: "main", kind: "branch" },
        cloneUrl: repository.path,
      });
      await using copy = await temporaryFolder();
      await repository.git("clone", "--quiet", fresh.mirrorPath, copy.join("copy"));
      expect(await readdir(copy.join("copy", "src"))).toHaveLength(100);
      expect(await readdir(here.folder.join("data", "mirrors"))).toHaveLength(1);
      const refs = await repository.git("--git-dir", fresh.mirrorPath, "for-each-ref", "--format=%(refname)");
      expect(refs.split("\n")).toEqual(["refs/heads/main", "refs/heads/work/one", "refs/tags/v1"]);
    }
    await leaks.assertNothingLeft();
  });

  test("can be read by another user, whatever the umask", async () => {
    const before = process.umask(0o077);
    try {
      await using here = await place({ files: { "a.txt": "a" } });
      const { mirrorPath } = await here.ensure();
      const entries = await readdir(mirrorPath, { recursive: true, withFileTypes: true });
      for (const entry of entries) {
        const { mode } = await stat(`${entry.parentPath}/${entry.name}`);
        expect([entry.name, mode & (entry.isDirectory() ? 0o005 : 0o004)]).toEqual([
          entry.name,
          entry.isDirectory() ? 0o005 : 0o004,
        ]);
      }
      expect(entries.length).toBeGreaterThan(5);
    } finally {
      process.umask(before);
    }
  });

  test("is followed: new commits, moved and removed branches, another HEAD", async () => {
    await using here = await place({ files: { "a.txt": "a" }, branches: { gone: { "g.txt": "g" }, kept: { "k.txt": "k" } } });
    const { repository } = here;
    expect((await here.ensure()).commit).toBe(await repository.commitId());
    await repository.commit({ message: "More", files: { "a.txt": "b" } });
    await repository.git("branch", "-D", "gone");
    await repository.git("branch", "gone/now-a-folder");
    await repository.git("branch", "-f", "kept", "HEAD");
    const ensure = (ref?: string) => here.ensure(repository.path, ref);
    expect((await ensure("kept")).commit).toBe(await repository.commitId());
    expect((await refused(ensure("gone"))).reason).toBe("ref_not_found");
    expect((await ensure("gone/now-a-folder")).ref.kind).toBe("branch");
    await repository.git("checkout", "--quiet", "kept");
    expect((await ensure()).ref).toEqual({ name: "kept", kind: "branch" });
    await repository.git("checkout", "--quiet", "--detach");
    expect(await ensure()).toMatchObject({ commit: await repository.commitId(), ref: { kind: "commit" } });
  });

  test("finds a branch before a tag before a commit", async () => {
    await using here = await place({
      files: { "a.txt": "a" },
      commits: [{ message: "Two", files: { "a.txt": "b" } }],
      tags: ["v1", "both"],
      branches: { both: { "b.txt": "b" } },
    });
    const { repository } = here;
    const first = await repository.commitId("HEAD~1");
    expect(await here.ensure(repository.path, "v1")).toMatchObject({
      commit: await repository.commitId(),
      ref: { name: "v1", kind: "tag" },
    });
    expect(await here.ensure(repository.path, "both")).toMatchObject({
      commit: await repository.commitId("refs/heads/both"),
      ref: { name: "both", kind: "branch" },
    });
    expect((await here.ensure(repository.path, "refs/tags/both")).ref).toEqual({ name: "both", kind: "tag" });
    expect(await here.ensure(repository.path, first)).toMatchObject({ commit: first, ref: { kind: "commit" } });
    expect((await here.ensure(repository.path, first.slice(0, 7))).commit).toBe(first);
    expect((await refused(here.ensure(repository.path, first.slice(0, 6)))).reason).toBe("ref_not_found");
    expect((await refused(here.ensure(repository.path, "0".repeat(40)))).message).toBe(
      `The repository ${repository.path} has no branch, tag or commit '${"0".repeat(40)}'.`,
    );
  });

  test("takes branches with hostile names for what they are", async () => {
    await using here = await place({ files: { "a.txt": "a" } });
    const names = ["--upload-pack=x", "$(id)", "a;id", "näme-🙂", "x".repeat(200)];
    for (const name of names) await here.repository.git("update-ref", `refs/heads/${name}`, "HEAD");
    for (const name of names.slice(1))
      expect((await here.ensure(here.repository.path, name)).ref).toEqual({ name, kind: "branch" });
    for (const name of [names[0] ?? "", "-x", "a..b", "a b", "a\nb", "HEAD^", "@{1}", "main:a.txt", "/main", "x".repeat(256)]) {
      const error = await refused(here.ensure(here.repository.path, name));
      expect([error.reason, error.message]).toEqual(["ref_not_found", expect.stringContaining("cannot be the name")]);
    }
  });

  test("without a commit is empty, with or without a branch's name", async () => {
    await using here = await place({});
    for (const ref of [undefined, "main"]) {
      const error = await refused(here.ensure(here.repository.path, ref));
      expect([error.reason, error.message]).toEqual(["repository_empty", expect.stringContaining("push a first commit")]);
    }
    const commit = await here.repository.commit({ message: "First", files: { "a.txt": "a" } });
    expect((await here.ensure()).commit).toBe(commit);
  });

  test("whose HEAD leads nowhere starts from its only branch, and asks when there are more", async () => {
    await using here = await place({ files: { "a.txt": "a" } });
    await here.repository.git("branch", "-m", "main", "trunk");
    await here.repository.git("symbolic-ref", "HEAD", "refs/heads/none");
    expect((await here.ensure()).ref).toEqual({ name: "trunk", kind: "branch" });
    await using other = await place({ files: { "a.txt": "a" }, branches: { b: { "b.txt": "b" } } });
    await other.repository.git("symbolic-ref", "HEAD", "refs/heads/none");
    const error = await refused(other.ensure());
    expect([error.reason, error.message]).toEqual(["ref_not_found", expect.stringContaining("name the branch to start from")]);
  });

  test("that is a shallow clone is mirrored as far as it goes", async () => {
    await using here = await place({ files: { "a.txt": "a" }, commits: [{ message: "Two", files: { "a.txt": "b" } }] });
    const shallow = here.folder.join("roots", "shallow");
    await here.repository.git("clone", "--quiet", "--depth=1", `file://${here.repository.path}`, shallow);
    const fresh = await here.ensure(shallow);
    expect(fresh.commit).toBe(await here.repository.commitId());
    await here.repository.git("clone", "--quiet", fresh.mirrorPath, here.folder.join("copy"));
  });

  test("that goes away is an error, even though there is a mirror", async () => {
    await using here = await place({ files: { "a.txt": "a" } });
    await here.ensure();
    await rename(here.repository.path, `${here.repository.path}-moved`);
    expect((await refused(here.ensure())).reason).toBe("repository_unreachable");
  });

  test("is fetched anew when the mirror is damaged", async () => {
    await using here = await place({ files: { "a.txt": "a" } });
    const { mirrorPath } = await here.ensure();
    for (const damage of [
      () => writeFile(`${mirrorPath}/refs/heads/main.lock`, ""),
      () => rm(`${mirrorPath}/HEAD`),
      () => rm(`${mirrorPath}/objects`, { recursive: true }),
    ]) {
      await damage();
      await here.repository.commit({ message: "More", files: { "a.txt": String(Math.random()) } });
      expect((await here.ensure()).commit).toBe(await here.repository.commitId());
    }
    expect(await readdir(here.folder.join("data", "mirrors"))).toHaveLength(1);
  });

  test.runIf(process.getuid?.() === 0)("of another user is served (this can only be tried as root)", async () => {
    await using here = await place({ files: { "a.txt": "a" } });
    expect(spawnSync("chown", ["-R", "65534:65534", here.repository.path]).status).toBe(0);
    expect((await here.ensure()).ref.name).toBe("main");
  });
});

describe("a local path that is refused", () => {
  const nothing = { files: { "a.txt": "secret" } };

  test("outside of the roots, by a symlink out, or not there, with a reason", async () => {
    await using here = await place(nothing);
    await using outside = await createGitRepository(nothing);
    await symlink(outside.path, here.folder.join("roots", "link"));
    for (const [path, words] of [
      [outside.path, "is not under one of them"],
      ["/etc", "is not under one of them"],
      ["/nonexistent", "is not under one of them"],
      [here.folder.join("roots-2"), "is not under one of them"],
      [here.folder.join("roots", "link"), "leads out of them"],
      [here.folder.join("roots", "none"), "There is nothing at"],
      [here.folder.join("roots"), "is not a git repository"],
      [here.folder.join("roots", "hello", "a.txt"), "is not a git repository"],
    ] as const) {
      const error = await refused(here.ensure(path));
      expect([path, error.reason, error.message]).toEqual([path, "repository_unreachable", expect.stringContaining(words)]);
    }
    const none = createMirrors({ dataDir: here.dataDir, localRepositoryRoots: [] });
    const error = await refused(
      none.ensure(addressOf(here.repository.path), { report: () => {}, signal: new AbortController().signal }),
    );
    expect(error.message).toContain("no folder is named there");
  });

  test("lies where agents write, although a root is above that, unless a root lies there too", async () => {
    await using folder = await temporaryFolder();
    const dataDir = folder.join("data");
    await using agents = await createGitRepository({ path: `${dataDir}/instances/inst_x/workspace`, files: { a: "a" } });
    await using own = await createGitRepository({ path: `${dataDir}/demo/ledger`, files: { a: "a" } });
    await using beside = await createGitRepository({ path: folder.join("repositories", "a"), files: { a: "a" } });
    const mirrors = createMirrors({ dataDir, localRepositoryRoots: [folder.path, own.path] });
    const ensure = (path: string) =>
      mirrors.ensure({ transport: "local", path, display: path }, { report: () => {}, signal: AbortSignal.timeout(30_000) });
    await expect(ensure(agents.path)).rejects.toThrow("leads out of them");
    expect((await ensure(own.path)).commit).toMatch(/^[0-9a-f]{40}$/);
    expect((await ensure(beside.path)).commit).toMatch(/^[0-9a-f]{40}$/);
  });

  test("keeps a part of itself outside: git folder, objects, alternates, main repository", async () => {
    await using here = await place(nothing);
    await using outside = await createGitRepository(nothing);
    const bad = (name: string) => createGitRepository({ ...nothing, path: here.folder.join("roots", name) });

    const pointing = await bad("pointing");
    await rm(`${pointing.path}/.git`, { recursive: true });
    await writeFile(`${pointing.path}/.git`, `gitdir: ${outside.path}/.git\n`);
    expect((await refused(here.ensure(pointing.path))).message).toContain("keeps its git folder outside");

    const linked = await bad("linked");
    await rm(`${linked.path}/.git`, { recursive: true });
    await symlink(`${outside.path}/.git`, `${linked.path}/.git`);
    expect((await refused(here.ensure(linked.path))).message).toContain("keeps its git folder outside");

    const objects = await bad("objects");
    await rm(`${objects.path}/.git/objects`, { recursive: true });
    await symlink(`${outside.path}/.git/objects`, `${objects.path}/.git/objects`);
    expect((await refused(here.ensure(objects.path))).message).toContain("keeps its object store outside");

    const borrowing = await bad("borrowing");
    await writeFile(`${borrowing.path}/.git/objects/info/alternates`, `${outside.path}/.git/objects\n`);
    expect((await refused(here.ensure(borrowing.path))).message).toContain("keeps its object store outside");

    await outside.git("worktree", "add", "--quiet", "-b", "tree", here.folder.join("roots", "tree"));
    expect((await refused(here.ensure(here.folder.join("roots", "tree")))).message).toContain("outside of them");
  });

  test("a worktree and alternates inside the roots are fine", async () => {
    await using here = await place(nothing);
    await here.repository.git("worktree", "add", "--quiet", "-b", "tree", here.folder.join("roots", "tree"));
    expect((await here.ensure(here.folder.join("roots", "tree"))).ref.name).toBe("tree");
    await here.repository.git("clone", "--quiet", "--bare", "--shared", ".", here.folder.join("roots", "borrowing.git"));
    expect((await here.ensure(here.folder.join("roots", "borrowing.git"))).commit).toBe(await here.repository.commitId());
  });

  test("runs nothing that the repository's own settings or hooks name", async () => {
    await using here = await place(nothing);
    const witness = here.folder.join("witness");
    const script = here.folder.join("roots", "script");
    await writeFile(script, `#!/bin/sh\necho ran >> ${witness}\ncat\n`);
    await chmod(script, 0o755);
    const settings = [
      ["uploadpack.packObjectsHook", script],
      ["core.fsmonitor", script],
      ["core.sshCommand", script],
      ["core.hooksPath", here.folder.join("roots")],
      ["core.alternateRefsCommand", script],
      ["core.gitProxy", script],
    ];
    for (const [key = "", value = ""] of settings) await here.repository.git("config", key, value);
    for (const hook of ["post-checkout", "reference-transaction", "pre-receive"])
      await symlink(script, here.folder.join("roots", hook));
    await here.ensure();
    await expect(stat(witness)).rejects.toThrow("ENOENT");
  });
});

test("a data directory inside of another repository does not take over its settings", async () => {
  await using outer = await createGitRepository({ files: { "a.txt": "a" } });
  await outer.git("config", "url./nonexistent/.insteadOf", "/");
  await using here = await place({ files: { "b.txt": "b" } }, { dataDir: `${outer.path}/data` });
  expect((await here.ensure()).commit).toBe(await here.repository.commitId());
});

test("a full disk is told as such, and leaves no half-made files", async ({ skip }) => {
  await using here = await place({ files: { "big.bin": randomBytes(4 * 1024 * 1024).toString("hex") } });
  await mkdir(here.dataDir);
  const mount = spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", here.dataDir], { encoding: "utf8" });
  if (mount.status !== 0) skip(`a small disk cannot be mounted here: ${mount.error?.message ?? mount.stderr.trim()}`);
  try {
    const error = await refused(here.ensure());
    expect([error.reason, error.message]).toEqual(["disk_full", expect.stringContaining("The server's disk is full")]);
    expect(await readdir(here.folder.join("data", "mirrors"))).toEqual([]);
    await writeFile(`${here.dataDir}/filler`, Buffer.alloc(2 * 1024 * 1024)).catch(() => {}); // until it is full
    expect((await refused(here.ensure())).reason).toBe("disk_full");
  } finally {
    spawnSync("umount", [here.dataDir]);
  }
});

test("mirrors' names are unique, readable and harmless", () => {
  expect(mirrorName("https://github.com/octo/Hello.World.git")).toMatch(/^[0-9a-f]{16}-Hello\.World\.git$/);
  expect(mirrorName("git@host:a")).toMatch(/^[0-9a-f]{16}-a\.git$/);
  expect(mirrorName("/srv/../;$(id)/")).toMatch(/^[0-9a-f]{16}-___id_\.git$/);
  expect(mirrorName("/")).toMatch(/^[0-9a-f]{16}-repository\.git$/);
  expect(mirrorName("https://a/x")).not.toBe(mirrorName("https://b/x"));
});
