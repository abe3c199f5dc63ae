import { mkdir, rm } from "node:fs/promises";
import { GitCloneInput } from "@ccr/protocol";
import { createGitRepository, type Files, temporaryFolder } from "@ccr/testkit";
import { diffWorkspace } from "../diff.ts";
import { git } from "../git.ts";
import { gitClone } from "../git-clone.ts";
import { StateFile } from "../state.ts";

/** A workspace with a clone of each of these repositories in its folder; by the name ".", in the workspace itself. */
export const placeOf = async (repositories: Readonly<Record<string, Files>>) => {
  const folder = await temporaryFolder();
  const home = folder.join("home");
  const workspace = folder.join("workspace");
  await mkdir(home);
  const env = { PATH: process.env.PATH ?? "", HOME: home, GIT_CONFIG_NOSYSTEM: "1" };
  const state = await StateFile.open(folder.join("state"));
  const { signal } = new AbortController();
  const mirrors: Record<string, string> = {};
  for (const [name, files] of Object.entries(repositories)) {
    const path = folder.join(`mirror-${name}`);
    mirrors[name] = (await createGitRepository({ bare: true, path, files })).path;
    const directory = name === "." ? {} : { directory: name };
    const input = GitCloneInput.parse({ repositoryUrl: "https://host.test/a/b", mirrorPath: path, ...directory });
    await gitClone(input, { home, env, workspace, state, signal });
  }
  await git(["config", "--global", "user.email", "t@t.test"], { cwd: home, env });
  await git(["config", "--global", "user.name", "t"], { cwd: home, env });
  const inWorkspace = (...args: string[]) => git(args, { cwd: workspace, env });
  return {
    folder,
    workspace,
    state,
    inWorkspace,
    file: (name: string) => `${workspace}/${name}`,
    diff: (maxPatchBytes?: number) =>
      diffWorkspace({
        workspace,
        scratch: folder.join("scratch"),
        env,
        state,
        signal,
        ...(maxPatchBytes === undefined ? {} : { maxPatchBytes }),
      }),
    /** What a clone holds, as a tree that git made of it. */
    treeOf: async (path: string) => {
      const index = folder.join(`index-${Math.random()}`);
      const options = { cwd: path, env: { ...env, GIT_INDEX_FILE: index } };
      await git(["add", "--all"], options);
      return await git(["write-tree"], options);
    },
    /** Fresh clones, placed as the workspace's are, with the patch applied in the folder that they are in. */
    applied: async (patch: string) => {
      const fresh = folder.join("fresh");
      await rm(fresh, { recursive: true, force: true });
      await mkdir(fresh);
      for (const [name, mirror] of Object.entries(mirrors))
        await git(["clone", "--quiet", "--", mirror, `${fresh}/${name}`], { cwd: home, env });
      await git(["apply", "--whitespace=nowarn", "-"], { cwd: fresh, env, input: patch });
      return fresh;
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
};

/** The same with one clone, in the workspace itself. */
export const place = (files: Files) => placeOf({ ".": files });

/** So many lines, each of them another. */
export const text = (lines: number, word = "line") => Array.from({ length: lines }, (_, index) => `${word} ${index}\n`).join("");
