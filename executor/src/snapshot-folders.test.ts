import { mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { GitCloneInput, SNAPSHOT_REF } from "@ccr/protocol";
import { createGitRepository, temporaryFolder } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { git } from "./git.ts";
import { gitClone } from "./git-clone.ts";
import { Snapshots } from "./snapshot.ts";
import { StateFile } from "./state.ts";

const { signal } = new AbortController();

describe("a snapshot of a clone in a folder", () => {
  /** A workspace with two clones side by side. */
  const sideBySide = async () => {
    const folder = await temporaryFolder();
    const home = folder.join("home");
    const workspace = folder.join("workspace");
    await mkdir(home);
    const env = { PATH: process.env.PATH ?? "", HOME: home, GIT_CONFIG_NOSYSTEM: "1" };
    const state = await StateFile.open(folder.join("state"));
    const open = async (directory: string) => {
      const mirror = await createGitRepository({ bare: true, path: folder.join(`mirror-${directory}`), files: { a: directory } });
      const input = { repositoryUrl: "https://host.test/a/b", mirrorPath: mirror.path, directory };
      const { commit } = await gitClone(GitCloneInput.parse(input), { home, env, workspace, state, signal });
      const snapshots = new Snapshots({ workspace, directory, scratch: folder.join(`scratch-${directory}`), env, state });
      return { mirror, commit, snapshots, take: () => snapshots.take(signal) };
    };
    return {
      folder,
      env,
      state,
      file: (name: string) => `${workspace}/${name}`,
      api: await open("api"),
      web: await open("web"),
      [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
    };
  };

  it("holds that clone, from its commit on, and changes with nothing beside it", async () => {
    await using here = await sideBySide();
    const { api, web } = here;
    await writeFile(here.file("api/new"), "1");
    const [ofApi, ofWeb] = [await api.take(), await web.take()];
    expect(ofApi).toMatchObject({ baseCommit: api.commit, headCommit: api.commit, branch: "main" });
    expect(ofWeb).toMatchObject({ baseCommit: web.commit, headCommit: web.commit, branch: "main" });
    await writeFile(here.file("web/other"), "2");
    await writeFile(here.file("beside"), "3");
    expect(await api.take()).toEqual(ofApi);
    const { snapshotCommit } = await web.take();
    expect(snapshotCommit).not.toBe(ofWeb.snapshotCommit);
    for (const [{ snapshots, mirror }, commit, names] of [
      [api, ofApi.snapshotCommit, "a\nnew"],
      [web, snapshotCommit, "a\nother"],
    ] as const) {
      const path = here.folder.join("work.bundle");
      await writeFile(path, Buffer.concat(await Array.fromAsync((await snapshots.bundle(commit, signal)).chunks)));
      const inMirror = { cwd: mirror.path, env: here.env };
      await git(["fetch", "--quiet", "--", path, `${SNAPSHOT_REF}:refs/heads/snapshot`], inMirror);
      expect(await git(["ls-tree", "-r", "--name-only", "snapshot"], inMirror)).toBe(names);
    }
    await expect(api.snapshots.bundle(snapshotCommit, signal)).rejects.toMatchObject({ code: "not_found" });
  });

  it("is taken while another repository is being cloned, and not while it is itself", async () => {
    await using here = await sideBySide();
    await here.state.update({ cloning: { directory: "web" } });
    expect(await here.api.take()).toMatchObject({ baseCommit: here.api.commit });
    await expect(here.web.take()).rejects.toMatchObject({ code: "conflict" });
  });

  it("says that the folder is gone or was replaced, and goes on when it is back", async () => {
    await using here = await sideBySide();
    const { api } = here;
    const before = await api.take();
    const refused = async (says: RegExp) => {
      const failure = { code: "conflict", message: expect.stringMatching(says) };
      await expect(api.take()).rejects.toMatchObject(failure);
      await expect(api.snapshots.bundle(before.snapshotCommit, signal)).rejects.toMatchObject(failure);
    };
    await rename(here.file("api"), here.folder.join("moved"));
    await refused(/'api'.* is gone/);
    await symlink(here.folder.join("moved"), here.file("api"));
    await refused(/'api'.* was replaced/);
    await rm(here.file("api"));
    await rename(here.folder.join("moved"), here.file("api"));
    expect(await api.take()).toEqual(before);
    // The one above it is not its own.
    await rm(here.file("api/.git"), { recursive: true });
    await git(["clone", "--quiet", "--no-checkout", "--", here.web.mirror.path, "whole"], { cwd: here.file("."), env: here.env });
    await rename(here.file("whole/.git"), here.file(".git"));
    expect(await api.take()).toMatchObject({ baseCommit: api.commit, headCommit: null, branch: null });
  });
});
