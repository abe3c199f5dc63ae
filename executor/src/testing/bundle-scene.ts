import { mkdir, writeFile } from "node:fs/promises";
import { GitCloneInput } from "@ccr/protocol";
import { createGitRepository, temporaryFolder } from "@ccr/testkit";
import { git } from "../git.ts";
import { type CloneOptions, gitClone } from "../git-clone.ts";
import { Snapshots } from "../snapshot.ts";
import { StateFile } from "../state.ts";

const { signal } = new AbortController();

/** A mirror, a sandbox in which an agent works, and any number of clean ones. */
export const bundleScene = async (files: Record<string, string> = { a: "1\n" }) => {
  const folder = await temporaryFolder();
  const mirror = await createGitRepository({ bare: true, path: folder.join("mirror"), files, branches: { side: { b: "1\n" } } });
  const open = async (name: string) => {
    const home = folder.join(`${name}-home`);
    const workspace = folder.join(name);
    await mkdir(home);
    await mkdir(workspace);
    const env = { PATH: process.env.PATH ?? "", HOME: home, XDG_CONFIG_HOME: `${home}/xdg`, GIT_CONFIG_NOSYSTEM: "1" };
    const state = await StateFile.open(folder.join(`${name}-state`));
    const options: CloneOptions = { home, env, workspace, state, signal };
    return {
      ...options,
      options,
      file: (path: string) => `${workspace}/${path}`,
      git: (...args: string[]) => git(args, { cwd: workspace, env }),
      clone: (fields: object) =>
        gitClone(GitCloneInput.parse({ repositoryUrl: "https://host.test/owner/name.git", ...fields }), options),
    };
  };
  const agent = await open("agent");
  await agent.clone({ mirrorPath: mirror.path });
  for (const [name, value] of [
    ["user.email", "t@t.test"],
    ["user.name", "t"],
  ] as const)
    await git(["config", "--global", name, value], { cwd: agent.home, env: agent.env });
  const snapshots = new Snapshots({ ...agent.options, scratch: folder.join("scratch") });
  const bundlePath = folder.join("work.bundle");
  return {
    folder,
    mirror,
    open,
    agent,
    bundlePath,
    /** The agent's workspace as it is now, in a bundle; gives what to ask a clean sandbox for. */
    bundle: async () => {
      const { snapshotCommit } = await snapshots.take(signal);
      const { chunks } = await snapshots.bundle(snapshotCommit, signal);
      await writeFile(bundlePath, Buffer.concat(await Array.fromAsync(chunks)));
      return { mirrorPath: mirror.path, bundlePath, ref: snapshotCommit };
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
};
