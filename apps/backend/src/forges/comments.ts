import type { ForgeComment } from "./types.ts";

/** Comments, oldest first; those of one moment as they came. Pure. */
export const inOrder = (comments: readonly ForgeComment[]): ForgeComment[] =>
  comments.toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at));

/** Whether a name is one that hosts and people give to programs, where a host does not tell them from people. Pure. */
export const isBotName = (name: string): boolean =>
  /\[bot\]$|[-_]bot$|^(project|group)_\d+_bot|^(gitea|forgejo)-actions$/i.test(name);
