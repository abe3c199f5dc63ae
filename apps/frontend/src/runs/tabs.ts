export const TABS = ["transcript", "changes", "files", "terminal", "network", "usage", "raw"] as const;
export type Tab = (typeof TABS)[number];

/**
 * What the address of a run's page says: which tab is open, whether the steps are shown in its place on a small screen, which file is read, and
 * whether of the requests only those are shown that were refused.
 */
export type RunSearch = { tab?: Tab | "steps"; file?: string; refused?: true };

/** Reads the query of a run's page; what is not understood is left out. */
export const parseTab = (search: Record<string, unknown>): RunSearch => {
  const tab = search.tab === "steps" ? "steps" : TABS.find((known) => known === search.tab);
  if (tab === undefined) return {};
  if (tab === "network") return search.refused === true ? { tab, refused: true } : { tab };
  // A name that is a number is read as one.
  const file = typeof search.file === "number" ? String(search.file) : search.file;
  const isWithFile = tab === "changes" || tab === "files";
  return isWithFile && typeof file === "string" && file !== "" ? { tab, file } : { tab };
};
