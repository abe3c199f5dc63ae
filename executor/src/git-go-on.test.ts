import { existsSync } from "node:fs";
import { chmod, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { diffWorkspace } from "./diff.ts";
import { git } from "./git.ts";
import { Snapshots } from "./snapshot.ts";
import { bundleScene } from "./testing/bundle-scene.ts";

const { signal } = new AbortController();

/** An agent that commits on a branch of its own, leaves another one and a stash, and has changed, new and removed files. */
const work = async ({ agent, bundle, mirror }: Awaited<ReturnType<typeof bundleScene>>) => {
  await writeFile(agent.file("a"), "stashed\n");
  await agent.git("stash", "--quiet");
  await agent.git("branch", "aside");
  await agent.git("checkout", "-q", "-b", "feature");
  await writeFile(agent.file("committed"), "1\n");
  await agent.git("add", "committed");
  await agent.git("commit", "-qm", "work");
  await writeFile(agent.file("committed"), "2\n");
  await writeFile(agent.file("run.sh"), "#!/bin/sh\n");
  await chmod(agent.file("run.sh"), 0o755);
  await rm(agent.file("removed"));
  return { ...(await bundle()), baseCommit: await mirror.commitId() };
};

const FILES = { a: "1\n", removed: "1\n" };

describe("work that is gone on with", () => {
  it("is as it was left: HEAD, branches, files, and what was not committed not committed", async () => {
    await using here = await bundleScene(FILES);
    const request = await work(here);
    const next = await here.open("next");
    expect(await next.clone(request)).toEqual({ commit: request.baseCommit, branch: "feature" });
    const told = async ({ git: run }: typeof next) => [
      await run("status", "--porcelain"),
      await run("symbolic-ref", "HEAD"),
      await run("for-each-ref", "refs/heads", "refs/stash"),
      await run("log", "--format=%H %s"),
      await run("stash", "list", "--format=%H"),
    ];
    expect(await told(next)).toEqual(await told(here.agent));
    expect(await next.git("status", "--porcelain")).toBe(" M committed\n D removed\n?? run.sh");
    expect(await readFile(next.file("committed"), "utf8")).toBe("2\n");
    expect((await stat(next.file("run.sh"))).mode & 0o111).not.toBe(0);
    expect(await next.git("remote", "get-url", "origin")).toBe("https://host.test/owner/name.git");
    // It stands for itself.
    await rm(here.mirror.path, { recursive: true });
    await next.git("fsck", "--connectivity-only");
  });

  it("counts as a change of the commit on which it was begun, also in the next copy of it", async () => {
    await using here = await bundleScene(FILES);
    const request = await work(here);
    const next = await here.open("next");
    await next.clone(request);
    await writeFile(next.file("more"), "3\n");
    const scratch = here.folder.join("next-scratch");
    const diff = await diffWorkspace({ ...next.options, scratch, signal });
    expect(diff.baseCommit).toBe(request.baseCommit);
    expect(diff.files.map(({ path }) => path)).toEqual(["committed", "more", "removed", "run.sh"]);
    const snapshot = await new Snapshots({ ...next.options, scratch }).take(signal);
    expect(snapshot).toMatchObject({ baseCommit: request.baseCommit, branch: "feature" });
  });

  it("is on its branch also when the name of that is no text", async () => {
    await using here = await bundleScene();
    const { agent } = here;
    // As an older machine spells it: é is one byte.
    const name = Buffer.from("refs/heads/caf\xe9", "latin1");
    const head = await agent.git("rev-parse", "HEAD");
    await writeFile(agent.file(".git/packed-refs"), Buffer.concat([Buffer.from(`${head} `), name, Buffer.from("\n")]));
    await writeFile(agent.file(".git/HEAD"), Buffer.concat([Buffer.from("ref: "), name, Buffer.from("\n")]));
    await writeFile(agent.file("committed"), "1\n");
    await agent.git("add", "committed");
    await agent.git("commit", "-qm", "work");
    const request = { ...(await here.bundle()), baseCommit: await here.mirror.commitId() };
    const next = await here.open("next");
    await next.clone(request);
    expect((await readFile(next.file(".git/HEAD"))).toString("latin1")).toBe("ref: refs/heads/caf\xe9\n");
    expect(await next.git("log", "--format=%s", "-1")).toBe("work");
    expect(await next.git("status", "--porcelain")).toBe("");
  });

  it("has a detached HEAD where the agent left one, and no branch that it took away", async () => {
    await using here = await bundleScene();
    const { agent } = here;
    await agent.git("checkout", "-q", "--detach");
    await agent.git("branch", "-D", "main");
    await writeFile(agent.file("new"), "1\n");
    const request = { ...(await here.bundle()), baseCommit: await here.mirror.commitId() };
    const next = await here.open("next");
    expect(await next.clone(request)).toEqual({ commit: request.baseCommit, branch: null });
    expect(await next.git("for-each-ref", "refs/heads")).toBe("");
    expect(await next.git("rev-parse", "HEAD")).toBe(await agent.git("rev-parse", "HEAD"));
    expect(await next.git("status", "--porcelain")).toBe("?? new");
  });

  it("knows where a branch of the repository came from, also when that has moved on since", async () => {
    await using here = await bundleScene();
    await writeFile(here.agent.file("a"), "2\n");
    const baseCommit = await here.mirror.commitId();
    const request = { ...(await here.bundle()), baseCommit };
    const tree = await here.mirror.git("rev-parse", "main^{tree}");
    const named = ["-c", "user.name=t", "-c", "user.email=t@t.test"];
    const later = await here.mirror.git(...named, "commit-tree", tree, "-p", baseCommit, "-m", "later");
    await here.mirror.git("update-ref", "refs/heads/main", later);
    const next = await here.open("next");
    expect(await next.clone(request)).toEqual({ commit: baseCommit, branch: "main" });
    expect(await next.git("rev-parse", "main", "main@{upstream}")).toBe(`${baseCommit}\n${later}`);
  });

  it("is in a folder of the workspace as it is in the workspace itself", async () => {
    await using here = await bundleScene(FILES);
    const request = await work(here);
    const next = await here.open("next");
    await next.clone({ mirrorPath: here.mirror.path, directory: "web" });
    expect(await next.clone({ ...request, directory: "api" })).toEqual({ commit: request.baseCommit, branch: "feature" });
    expect((await readdir(next.file("api"))).sort()).toEqual([".git", "a", "committed", "run.sh"]);
  });

  it("runs nothing of what comes with it, and no filter of its own user's", async () => {
    await using here = await bundleScene();
    const { agent, folder } = here;
    const ran = folder.join("ran");
    const program = folder.join("evil.sh");
    await writeFile(program, `#!/bin/sh\ntouch ${ran}\ncat\n`, { mode: 0o755 });
    await writeFile(agent.file(".gitattributes"), "* filter=evil\n");
    await writeFile(agent.file("a"), "2\n");
    const request = { ...(await here.bundle()), baseCommit: await here.mirror.commitId() };
    const next = await here.open("next");
    await writeFile(`${next.home}/.gitconfig`, `[filter "evil"]\n\tsmudge = ${program}\n\tclean = ${program}\n`);
    await next.clone(request);
    expect(await readFile(next.file("a"), "utf8")).toBe("2\n");
    expect(existsSync(ran)).toBe(false);
  });

  it("is given once: the same request again changes nothing", async () => {
    await using here = await bundleScene(FILES);
    const request = await work(here);
    const next = await here.open("next");
    const result = await next.clone(request);
    await rm(here.bundlePath);
    await writeFile(next.file("later"), "x");
    expect(await next.clone(request)).toEqual(result);
    expect(existsSync(next.file("later"))).toBe(true);
  });
});

describe("work that cannot be gone on with", () => {
  const commit = "0123456789abcdef0123456789abcdef01234567";

  it.each([
    [{ baseCommit: commit }, /baseCommit: .*bundlePath/],
    [{ baseCommit: `${"x".repeat(40)}`, bundlePath: "/b", mirrorPath: "/m", ref: commit }, /baseCommit: .*full name/],
  ])("is refused as %j before git is called", async (fields, says) => {
    await using here = await bundleScene();
    const next = await here.open("next");
    await expect(next.clone(fields)).rejects.toMatchObject({ code: "bad_request", message: expect.stringMatching(says) });
  });

  it.each([
    ["a base that the mirror does not have", { baseCommit: commit }, /mirror does not have/],
    ["a commit that is no snapshot", "commit", /not the snapshot of a workspace/],
  ] as const)("leaves the workspace empty and says why: %s", async (_name, change, says) => {
    await using here = await bundleScene();
    const { agent, mirror } = here;
    await writeFile(agent.file("new"), "1\n");
    const request = { ...(await here.bundle()), baseCommit: await mirror.commitId() };
    const other = change === "commit" ? { ref: await bundled(here) } : change;
    const next = await here.open("next");
    await expect(next.clone({ ...request, ...other })).rejects.toMatchObject({
      code: "unprocessable",
      message: expect.stringMatching(says),
    });
    expect(await readdir(next.workspace)).toEqual([]);
    expect(next.state.get()).toMatchObject({ cloning: null, clones: [] });
  });

  /** Puts a bundle of a plain commit in the place of the snapshot's. */
  const bundled = async ({ agent, bundlePath }: Awaited<ReturnType<typeof bundleScene>>): Promise<string> => {
    await agent.git("add", "new");
    await agent.git("commit", "-qm", "plain");
    await git(["bundle", "create", "-q", bundlePath, "main", "^HEAD~1"], { cwd: agent.workspace, env: agent.env });
    return agent.git("rev-parse", "HEAD");
  };
});
