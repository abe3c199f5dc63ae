import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { DirectoryName, type RunCheckout, RunId } from "@ccr/protocol";
import { makeFolder } from "./work-files.ts";

/** Of which run, and of which of its repositories: the one in this folder of the workspace, or null for one that is alone. */
export type KeptOf = { runId: RunId; directory: string | null };

/** A repository of a run, by the address that people gave. */
export type KeptCheckout = KeptOf & Pick<RunCheckout, "repository">;

const SIDE_BY_SIDE = "repositories";

/** Where the work in a repository is kept, below `root`. Pure. */
export const keptFolder = (root: string, { runId, directory }: KeptOf): string => {
  const folder = join(root, RunId.parse(runId));
  return directory === null ? folder : join(folder, SIDE_BY_SIDE, DirectoryName.parse(directory));
};

/** Every place below `root` at which something of a run may be kept. */
export const keptFolders = async (root: string, runId: RunId): Promise<KeptOf[]> => {
  const names = await readdir(join(root, RunId.parse(runId), SIDE_BY_SIDE)).catch((): string[] => []);
  const directories = names.filter((name) => DirectoryName.safeParse(name).success);
  return [{ runId, directory: null }, ...directories.map((directory) => ({ runId, directory }))];
};

/** The name under which a mirror holds on to what the work builds on. Pure. */
export const pinName = ({ runId, directory }: KeptOf): string => (directory === null ? runId : `${runId}.${directory}`);

/** Makes the place at which the work in a repository is kept. */
export const makeKeptFolder = async (root: string, of: KeptOf): Promise<string> => {
  const folder = await makeFolder(root, RunId.parse(of.runId));
  return of.directory === null ? folder : makeFolder(await makeFolder(folder, SIDE_BY_SIDE), DirectoryName.parse(of.directory));
};
