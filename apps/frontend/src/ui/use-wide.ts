import { useSyncExternalStore } from "react";

/** The width from which the page has room for columns, as in the styles (`lg`). */
const WIDE = "(min-width: 64rem)";

const subscribe = (changed: () => void): (() => void) => {
  const query = matchMedia(WIDE);
  query.addEventListener("change", changed);
  return () => query.removeEventListener("change", changed);
};

/** Whether the window is wide enough for columns side by side. */
export const useWide = (): boolean => useSyncExternalStore(subscribe, () => matchMedia(WIDE).matches);
