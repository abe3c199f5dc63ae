/* Apart from the schemas that use it, so that a page that only reads its address loads none of them. */

/** In which order runs are listed. `longest` and `costliest` count also what goes on, as far as it is; `ended` lists what has ended alone. */
export const RUN_SORTS = ["newest", "oldest", "longest", "costliest", "ended"] as const;
export type RunSort = (typeof RUN_SORTS)[number];

/** How long the words may be for which runs are looked. */
export const RUN_TEXT_MAX = 200;
