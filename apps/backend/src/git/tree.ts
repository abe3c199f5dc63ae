import { dirname } from "node:path";
import { streamGit } from "./command.ts";
import { gitEnvironment } from "./environment.ts";

/** A file, a link or a submodule of a commit. A path is bytes: each stands here as the character of its number (latin1). */
export type TreeFile = { path: string; mode: string; object: string };

const WITHIN_MS = 120_000;
/** More than this is no repository that anybody works in. */
const FILES_MAX = 3_000_000;

type MirrorPlace = { path: string; environment: Readonly<Record<string, string | undefined>> };

const commitName = (commit: string): string => {
  if (/^[0-9a-f]{40,64}$/.test(commit)) return commit;
  throw new Error(`${commit} is not the name of a commit`);
};

const commandAt = ({ path, environment }: MirrorPlace, args: readonly string[]) => ({
  args: [`--git-dir=${path}`, ...args],
  environment: gitEnvironment({
    address: { transport: "local", path, display: path },
    pinned: [],
    credential: null,
    globalConfig: null,
    server: environment,
    stallSeconds: 60,
  }),
  cwd: dirname(path),
  timeoutMs: WITHIN_MS,
});

/** The files of a commit in a mirror, packed as a tar. */
export const archiveTree = (mirror: MirrorPlace, commit: string, signal: AbortSignal): AsyncIterable<Buffer> =>
  streamGit(commandAt(mirror, ["archive", "--format=tar", commitName(commit)]), signal);

/** Every file of a commit in a mirror, in git's order. Throws when the commit is not there. */
export const readTree = async (mirror: MirrorPlace, commit: string, signal: AbortSignal): Promise<TreeFile[]> => {
  const command = commandAt(mirror, ["ls-tree", "-r", "-z", "--full-tree", commitName(commit)]);
  const files: TreeFile[] = [];
  let rest = "";
  for await (const chunk of streamGit(command, signal)) {
    const entries = (rest + chunk.toString("latin1")).split("\0");
    rest = entries.pop() ?? "";
    for (const entry of entries) {
      const [, mode = "", object = "", name = ""] = /^(\d+) \w+ ([0-9a-f]+)\t([\s\S]+)$/.exec(entry) ?? [];
      if (name !== "") files.push({ path: name, mode, object });
    }
    if (files.length > FILES_MAX) throw new Error(`the commit has more than ${FILES_MAX} files`);
  }
  return files;
};
