import type { ForgeComment } from "./types.ts";

/** Comments, oldest first; those of one moment as they came. Pure. */
export const inOrder = (comments: readonly ForgeComment[]): ForgeComment[] =>
  comments.toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at));
