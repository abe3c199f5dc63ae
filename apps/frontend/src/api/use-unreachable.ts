import { useSyncExternalStore } from "react";
import { useApi } from "./client.ts";
import type { Unreachable } from "./reachability.ts";

/** What cannot be reached at the moment; null while all is well. */
export const useUnreachable = (): Unreachable | null => {
  const { reachability } = useApi();
  return useSyncExternalStore(reachability.subscribe, reachability.current);
};
