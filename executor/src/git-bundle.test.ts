import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, readlink, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createGitRepository, type GitRepository } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { git } from "./git.ts";
import { bundleScene as scene } from "./testing/bundle-scene.ts";

const names = async (folder: string) => (await readdir(folder)).filter((name) => name !== ".git").sort();

const exclude = async ({ workspace }: { workspace: string }, patterns: string): Promise<void> => {
  await mkdir(`${workspace}/.git/info`);
  await writeFile(`${workspace}/.git/info/exclude`, patterns);
};

/** Moves the mirror's branches to a history that has nothing in common with the one before. */
const rewrite = async (mirror: GitRepository): Promise<void> => {
  const tree = await mirror.git("rev-parse", "main^{tree}");
  const commit = await mirror.git("-c", "user.name=t", "-c", "user.email=t@t.test", "commit-tree", tree, "-m", "anew");
  for (const branch of ["main", "side"]) await mirror.git("update-ref", `refs/heads/${branch}`, commit);
};

/** A bundle whose base no branch of the mirror leads to any more, though the mirror holds it. */
const bundleOverPinned = async (here: Awaited<ReturnType<typeof scene>>) => {
  await writeFile(here.agent.file("a"), "2\n");
  const request = await here.bundle();
  const base = await here.mirror.commitId();
  await rewrite(here.mirror);
  await here.mirror.git("update-ref", `refs/ccr/kept/run/${base}`, base);
  return { request, base };
};

describe("a clone with a bundle", () => {
  it("holds what is committed, changed and new, nothing that is ignored, and is otherwise as any clone", async () => {
    await using here = await scene({ kept: "1\n", changed: "1\n", removed: "1\n", ".gitignore": "ignored\n*.o\n" });
    const { agent } = here;
    await agent.git("checkout", "-q", "-b", "feature");
    await writeFile(agent.file("committed"), "2\n");
    await agent.git("add", "committed");
    await agent.git("commit", "-qm", "work");
    await agent.git("update-ref", "refs/heads/main", "HEAD");
    await agent.git("update-ref", "refs/remotes/origin/main", "HEAD");
    await agent.git("tag", "of-the-agent");
    await writeFile(agent.file("changed"), "2\n");
    await rm(agent.file("removed"));
    await writeFile(agent.file("new"), "3\n", { mode: 0o755 });
    await symlink("new", agent.file("link"));
    for (const name of ["ignored", "a.o", "private"]) await writeFile(agent.file(name), "x");
    await exclude(agent, "private\n");
    const request = await here.bundle();
    const clean = await here.open("clean");
    expect(await clean.clone(request)).toEqual({ commit: request.ref, branch: null });
    expect(await names(clean.workspace)).toEqual([".gitignore", "changed", "committed", "kept", "link", "new"]);
    expect(await readFile(clean.file("changed"), "utf8")).toBe("2\n");
    expect((await stat(clean.file("new"))).mode & 0o111).not.toBe(0);
    expect(await readlink(clean.file("link"))).toBe("new");
    expect(await clean.git("status", "--porcelain")).toBe("");
    expect(await clean.git("rev-parse", "HEAD", "HEAD~2")).toBe(`${request.ref}\n${await here.mirror.commitId()}`);
    const other = await here.open("other");
    await other.clone({ mirrorPath: request.mirrorPath, ref: await here.mirror.commitId() });
    const refs = async ({ git: run }: typeof clean) => [
      await run("for-each-ref"),
      await run("config", "--local", "--list"),
      (await run("branch", "-a")).replace(/\(HEAD detached at .*\)/, "(HEAD)"),
    ];
    expect(await refs(clean)).toEqual(await refs(other));
    expect(await names(clean.file(".git"))).toEqual(await names(other.file(".git")));
    // Everything of the bundle is there, in a clone that stands for itself.
    expect(await clean.git("cat-file", "-t", await agent.git("rev-parse", "feature"))).toBe("commit");
    await rm(here.mirror.path, { recursive: true });
    await clean.git("fsck", "--connectivity-only");
  });

  it("does without branches that lead to what the bundle builds on", async () => {
    await using here = await scene();
    const { request, base } = await bundleOverPinned(here);
    const clean = await here.open("clean");
    expect(await clean.clone(request)).toMatchObject({ commit: request.ref });
    expect(await readFile(clean.file("a"), "utf8")).toBe("2\n");
    expect(await clean.git("rev-parse", "HEAD~1")).toBe(base);
    expect(await clean.git("for-each-ref", "refs/ccr")).toBe("");
    expect(await clean.git("status", "--porcelain")).toBe("");
  });

  it("does so also when git does not simply copy the mirror", async () => {
    await using here = await scene();
    const { request, base } = await bundleOverPinned(here);
    // From a shallow one, it takes only what its branches and tags lead to.
    await writeFile(`${here.mirror.path}/shallow`, `${await here.mirror.commitId()}\n`);
    const clean = await here.open("clean");
    expect(await clean.clone(request)).toMatchObject({ commit: request.ref });
    expect(await clean.git("rev-parse", "HEAD~1")).toBe(base);
    expect(await clean.git("for-each-ref", "refs/ccr")).toBe("");
    await rm(here.mirror.path, { recursive: true });
    await clean.git("fsck", "--connectivity-only");
  });

  it("gives the first result to the same request, also when the bundle is gone, and refuses another", async () => {
    await using here = await scene();
    await writeFile(here.agent.file("new"), "1\n");
    const request = await here.bundle();
    const clean = await here.open("clean");
    const result = await clean.clone(request);
    await rm(here.bundlePath);
    await writeFile(clean.file("later"), "x");
    expect(await clean.clone(request)).toEqual(result);
    expect(await names(clean.workspace)).toEqual(["a", "later", "new"]);
    await expect(clean.clone({ ...request, ref: await here.mirror.commitId() })).rejects.toMatchObject({ code: "conflict" });
    await expect(clean.clone({ mirrorPath: request.mirrorPath })).rejects.toMatchObject({ code: "conflict" });
  });

  it("shows what the agent did to files that it told git not to look at", async () => {
    await using here = await scene({ assumed: "1\n", skipped: "1\n", excluded: "1\n" });
    const { agent } = here;
    await agent.git("update-index", "--assume-unchanged", "assumed");
    await agent.git("update-index", "--skip-worktree", "skipped");
    await exclude(agent, "*\n");
    for (const name of ["assumed", "skipped", "excluded"]) await writeFile(agent.file(name), "2\n");
    await writeFile(agent.file("hidden"), "x");
    expect(await agent.git("status", "--porcelain")).toBe(" M excluded");
    const clean = await here.open("clean");
    await clean.clone(await here.bundle());
    expect(await names(clean.workspace)).toEqual(["assumed", "excluded", "skipped"]);
    for (const name of ["assumed", "skipped", "excluded"]) expect(await readFile(clean.file(name), "utf8")).toBe("2\n");
    expect(await clean.git("ls-files", "-v")).toBe("H assumed\nH excluded\nH skipped");
  });

  it("is not touched by the agent's settings, hooks, filters and submodules, and runs no filter of its own user's", async () => {
    await using here = await scene();
    const { agent, folder } = here;
    const ran = folder.join("ran");
    const program = folder.join("evil.sh");
    await writeFile(program, `#!/bin/sh\ntouch ${ran}\ncat\n`, { mode: 0o755 });
    const hooks = agent.file(".git/evil");
    await mkdir(hooks);
    for (const hook of ["post-checkout", "post-index-change", "reference-transaction"])
      await writeFile(`${hooks}/${hook}`, `#!/bin/sh\ntouch ${ran}\n`, { mode: 0o755 });
    await writeFile(agent.file(".gitattributes"), "* filter=evil\n");
    await writeFile(agent.file(".gitmodules"), `[submodule "x"]\n\tpath = x\n\turl = ext::sh -c "touch ${ran}"\n`);
    const filter = `[filter "evil"]\n\tsmudge = ${program}\n\tclean = ${program}\n\trequired = true\n`;
    await writeFile(
      agent.file(".git/config"),
      `[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tfsmonitor = ${program}\n\thooksPath = ${hooks}\n${filter}`,
    );
    await writeFile(agent.file("a"), "2\n");
    const request = await here.bundle();
    const clean = await here.open("clean");
    await writeFile(`${clean.home}/.gitconfig`, filter);
    expect(await clean.clone(request)).toMatchObject({ commit: request.ref });
    expect(existsSync(ran)).toBe(false);
    expect(await readFile(clean.file("a"), "utf8")).toBe("2\n");
    expect(await clean.git("config", "--local", "--list")).not.toMatch(/evil|fsmonitor|hookspath/i);
    expect(await names(clean.file(".git"))).not.toContain("evil");
    // What the user has set up does not make the workspace look changed.
    await rm(`${clean.home}/.gitconfig`);
    expect(await clean.git("status", "--porcelain")).toBe("");
  });
});

describe("a clone with a bundle in a folder", () => {
  it("is as it is in the workspace itself, and one that cannot be used leaves what is beside it alone", async () => {
    await using here = await scene();
    await writeFile(here.agent.file("new"), "1\n");
    const request = await here.bundle();
    const clean = await here.open("clean");
    await clean.clone({ mirrorPath: request.mirrorPath, directory: "web" });
    await writeFile(clean.file("web/work"), "1\n");
    const unusable = { ...request, directory: "api", bundlePath: here.folder.join("nothing") };
    await expect(clean.clone(unusable)).rejects.toMatchObject({ code: "unprocessable" });
    expect(await readdir(clean.workspace)).toEqual(["web"]);
    expect(await clean.clone({ ...request, directory: "api" })).toEqual({ commit: request.ref, branch: null });
    expect(await names(clean.file("api"))).toEqual(["a", "new"]);
    expect(await names(clean.file("web"))).toEqual(["a", "work"]);
  });
});

describe("a bundle that cannot be used", () => {
  const commit = "0123456789abcdef0123456789abcdef01234567";

  it.each([
    [{ bundlePath: "/b", ref: commit }, /bundlePath: .*mirrorPath/],
    [{ bundlePath: "/a/../b", mirrorPath: "/m", ref: commit }, /bundlePath: .*'\.\.'/],
    [{ bundlePath: "/b", mirrorPath: "/m" }, /ref: .*full name/],
    [{ bundlePath: "/b", mirrorPath: "/m", ref: "main" }, /ref: .*full name/],
    [{ bundlePath: "/b", mirrorPath: "/m", ref: commit.slice(0, 12) }, /ref: .*full name/],
  ])("is refused as %j before git is called", async (fields, says) => {
    await using here = await scene();
    const clean = await here.open("clean");
    await expect(clean.clone(fields)).rejects.toMatchObject({ code: "bad_request", message: expect.stringMatching(says) });
    expect(await readdir(clean.home)).toEqual([]);
  });

  type Spoil = (here: Awaited<ReturnType<typeof scene>>, request: { ref: string }) => Promise<void>;
  const unusable: [string, Spoil, RegExp][] = [
    ["a file that is no bundle", async (here) => writeFile(here.bundlePath, "hello\n\n"), /no git bundle/],
    ["an empty file", async (here) => writeFile(here.bundlePath, ""), /no git bundle/],
    ["no file", async (here) => rm(here.bundlePath), /cannot be read/],
    [
      "a header without an end",
      async (here) => writeFile(here.bundlePath, `# v2 git bundle\n${"-".repeat(2 * 1024 * 1024)}`),
      /no git bundle/,
    ],
    [
      "a bundle of which the end is missing",
      async (here) => {
        const bytes = await readFile(here.bundlePath);
        await writeFile(here.bundlePath, bytes.subarray(0, bytes.length - 30));
      },
      /git cannot unpack it/,
    ],
    [
      "a partial one",
      async (here) => {
        const bytes = await readFile(here.bundlePath);
        const rest = bytes.subarray(bytes.indexOf(10) + 1);
        await writeFile(here.bundlePath, Buffer.concat([Buffer.from("# v3 git bundle\n@filter=blob:none\n"), rest]));
      },
      /@filter/,
    ],
    [
      "a base that the mirror does not have",
      async (here) => {
        await rm(here.mirror.path, { recursive: true });
        await createGitRepository({ bare: true, path: here.mirror.path, files: { other: "1" } });
      },
      /builds on .*mirror does not have/,
    ],
    [
      "a commit that is not in it",
      async (_here, request) => {
        request.ref = commit;
      },
      /does not hold the commit 0123456789/,
    ],
    [
      "something else than a commit",
      async (here, request) => {
        request.ref = await here.mirror.git("rev-parse", "main^{tree}");
      },
      /does not hold the commit/,
    ],
    [
      "a commit of which files are missing",
      async (here, request) => {
        const { agent } = here;
        // A pack with a commit and nothing that it leads to.
        await writeFile(agent.file("only-here"), "x\n");
        await agent.git("add", "only-here");
        const hollow = await agent.git("commit-tree", "-m", "hollow", "-p", "HEAD", await agent.git("write-tree"));
        const pack = await git(["pack-objects", "-q", agent.file("../pack")], {
          cwd: agent.workspace,
          env: agent.env,
          input: `${hollow}\n`,
        });
        const head = `# v2 git bundle\n-${await agent.git("rev-parse", "HEAD")} \n${hollow} refs/ccr/snapshot\n\n`;
        const bytes = await readFile(agent.file(`../pack-${pack}.pack`));
        await writeFile(here.bundlePath, Buffer.concat([Buffer.from(head), bytes]));
        request.ref = hollow;
      },
      /objects are missing/,
    ],
  ];
  it.each(unusable)("leaves the workspace empty and says why: %s", async (_name, spoil, says) => {
    await using here = await scene();
    await writeFile(here.agent.file("new"), "1\n");
    const request = await here.bundle();
    await spoil(here, request);
    const clean = await here.open("clean");
    await expect(clean.clone(request)).rejects.toMatchObject({
      code: "unprocessable",
      message: expect.stringMatching(says),
    });
    expect(await readdir(clean.workspace)).toEqual([]);
    // The sandbox can be used for another try.
    expect(clean.state.get()).toMatchObject({ cloning: null, clones: [] });
  });

  it("is refused when a file of it could lie where git keeps its own", async () => {
    await using here = await scene();
    const { agent } = here;
    const blob = await git(["hash-object", "-w", "--stdin"], { cwd: agent.workspace, env: agent.env, input: "[core]\n" });
    const inner = await git(["mktree"], { cwd: agent.workspace, env: agent.env, input: `100644 blob ${blob}\tconfig\n` });
    const tree = await git(["mktree"], { cwd: agent.workspace, env: agent.env, input: `040000 tree ${inner}\t.git\n` });
    const ref = await agent.git("commit-tree", tree, "-p", "HEAD", "-m", "x");
    await agent.git("update-ref", "refs/heads/x", ref);
    await agent.git("bundle", "create", "-q", here.bundlePath, "x", "^main");
    const clean = await here.open("clean");
    await expect(clean.clone({ mirrorPath: here.mirror.path, bundlePath: here.bundlePath, ref })).rejects.toMatchObject({
      code: "unprocessable",
      message: expect.stringContaining(".git"),
    });
    expect(await readdir(clean.workspace)).toEqual([]);
  });
});
