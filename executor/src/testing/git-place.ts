import { mkdir } from "node:fs/promises";
import { GitCloneInput } from "@ccr/protocol";
import { temporaryFolder } from "@ccr/testkit";
import { git } from "../git.ts";
import type { CloneOptions } from "../git-clone.ts";
import { StateFile } from "../state.ts";

/** A home and an empty workspace. */
export const place = async () => {
  const folder = await temporaryFolder();
  const home = folder.join("home");
  const workspace = folder.join("workspace");
  await mkdir(home);
  await mkdir(workspace);
  const env = { PATH: process.env.PATH ?? "", HOME: home, XDG_CONFIG_HOME: folder.join("xdg"), GIT_CONFIG_NOSYSTEM: "1" };
  const options = async (): Promise<CloneOptions> => ({
    home,
    env,
    workspace,
    state: await StateFile.open(folder.join("state")),
    signal: new AbortController().signal,
  });
  return {
    folder,
    home,
    workspace,
    env,
    options,
    inWorkspace: (...args: string[]) => git(args, { cwd: workspace, env }),
    file: (name: string) => `${workspace}/${name}`,
    config: (name: string) => git(["config", "--global", "--get", name], { cwd: home, env, allowedCodes: [0, 1] }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
};
/** What `POST /git-clone` is asked for. */
export const input = (fields: object) => GitCloneInput.parse({ repositoryUrl: "https://host.test/owner/name.git", ...fields });
