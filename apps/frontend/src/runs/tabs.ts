export const TABS = ["transcript", "changes", "network", "usage", "raw"] as const;
export type Tab = (typeof TABS)[number];

/** What the address of a run's page says: which tab is open, and whether the steps are shown in its place on a small screen. */
export type RunSearch = { tab?: Tab | "steps" };

/** Reads the query of a run's page; what is not understood is left out. */
export const parseTab = (search: Record<string, unknown>): RunSearch => {
  const tab = search.tab === "steps" ? "steps" : TABS.find((known) => known === search.tab);
  return tab === undefined ? {} : { tab };
};
