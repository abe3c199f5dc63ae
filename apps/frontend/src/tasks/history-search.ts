/** Reads which version is looked at. Pure. */
export const parseHistorySearch = (search: Record<string, unknown>): { version?: number } => {
  const version = Number(search.version);
  return Number.isInteger(version) && version > 0 ? { version } : {};
};
