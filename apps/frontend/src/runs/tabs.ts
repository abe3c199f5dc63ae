export const TABS = ["transcript", "changes", "files", "terminal", "network", "usage", "raw"] as const;
export type Tab = (typeof TABS)[number];

/** What the address of a run's page says: which tab is open, whether the steps are shown in its place on a small screen, and which file is read. */
export type RunSearch = { tab?: Tab | "steps"; file?: string };

/** Reads the query of a run's page; what is not understood is left out. */
export const parseTab = (search: Record<string, unknown>): RunSearch => {
  const tab = search.tab === "steps" ? "steps" : TABS.find((known) => known === search.tab);
  if (tab === undefined) return {};
  // A name that is a number is read as one.
  const file = typeof search.file === "number" ? String(search.file) : search.file;
  const isWithFile = tab === "changes" || tab === "files";
  return isWithFile && typeof file === "string" && file !== "" ? { tab, file } : { tab };
};
