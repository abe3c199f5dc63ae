/** What the address of the list of instances says. */
export type InstancesSearch = { state?: "stopped" };

/** Reads the query of the list's address; what is not understood is left out. */
export const parseInstancesSearch = (search: Record<string, unknown>): InstancesSearch =>
  search.state === "stopped" ? { state: "stopped" } : {};
