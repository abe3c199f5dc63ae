/** What Home offers to launch: a few words, or one of the tasks. */
export type HomeSearch = { launch?: "task" };

/** Reads the query of Home; what is not understood is left out. */
export const parseHomeSearch = (search: Record<string, unknown>): HomeSearch =>
  search.launch === "task" ? { launch: "task" } : {};
