import { startTransition, useMemo, useState } from "react";

/** The file that a person is at. */
export type CurrentFile = {
  /** The one that was gone to, else the one at the top of what is in view. */
  id: string | null;
  /** The one that was gone to, as long as nobody scrolls: the last files of a diff never come to its top. */
  wentTo: string | null;
  goneTo: (id: string) => void;
  atTop: (id: string) => void;
  scrolled: () => void;
};

/** Follows which file a person is at. */
export const useCurrentFile = (): CurrentFile => {
  const [top, setTop] = useState<string | null>(null);
  const [wentTo, setWentTo] = useState<string | null>(null);
  return useMemo(
    () => ({
      id: wentTo ?? top,
      wentTo,
      goneTo: setWentTo,
      // While one scrolls fast, the tree may lag behind.
      atTop: (id) => startTransition(() => setTop(id)),
      scrolled: () => setWentTo(null),
    }),
    [top, wentTo],
  );
};
