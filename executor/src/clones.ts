import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { CcrError } from "@ccr/protocol";
import type { Clone } from "./state.ts";

/** Where a clone is: in the workspace itself, or in a folder of it. Pure. */
export const clonePath = (workspace: string, directory: string | undefined): string =>
  directory === undefined ? workspace : join(workspace, directory);

/** The folders of the workspace that are clones; none when the workspace itself is one. Pure. */
export const cloneDirectories = (clones: readonly Clone[]): string[] =>
  clones.flatMap(({ request: { directory } }) => (directory === undefined ? [] : [directory]));

/**
 * Throws unless work of this folder can be asked for: `not_found` when nothing was cloned there, and `conflict` when no folder is named while
 * the clones are in folders. Pure.
 */
export const assertCloned = (clones: readonly Clone[], directory: string | undefined): void => {
  const directories = cloneDirectories(clones);
  if (directory === undefined) {
    if (directories.length === 0) return;
    throw new CcrError(
      "conflict",
      `The repositories are in folders of the workspace: name one of them as 'directory' (${directories.join(", ")}).`,
    );
  }
  if (directories.includes(directory)) return;
  const instead =
    directories.length > 0
      ? `the repositories are in ${directories.join(", ")}`
      : clones.length > 0
        ? "the repository is in the workspace itself"
        : "no repository was cloned";
  throw new CcrError("not_found", `Nothing was cloned into the folder '${directory}' of the workspace: ${instead}.`);
};

/** Throws `conflict` when a clone's folder is none any more: whoever works in the workspace can remove it, or put a link in its place. */
export const assertFolder = async (workspace: string, directory: string | undefined): Promise<void> => {
  if (directory === undefined) return;
  const found = await lstat(clonePath(workspace, directory)).catch(() => null);
  if (found?.isDirectory() === true) return;
  throw new CcrError(
    "conflict",
    `The folder '${directory}' of the workspace ${found === null ? "is gone" : "was replaced by something else"}: its repository cannot be read.`,
  );
};
