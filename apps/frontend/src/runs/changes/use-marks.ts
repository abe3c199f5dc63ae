import type { RunId } from "@ccr/protocol";
import { useCallback, useMemo, useState } from "react";
import { z } from "zod";
import { useKept } from "./kept.ts";
import type { ShownFile } from "./shown.ts";

const Viewed = z.record(z.string(), z.string());
const NONE: z.infer<typeof Viewed> = {};

/** Which files are marked as viewed, and which are open. */
export type Marks = {
  isViewed: (shown: ShownFile) => boolean;
  isOpen: (shown: ShownFile) => boolean;
  setViewed: (shown: ShownFile, viewed: boolean) => void;
  setOpen: (shown: ShownFile, open: boolean) => void;
};

/** Keeps the marks of a run's files in this browser. One that has changed since it was viewed is not viewed any more. */
export const useMarks = (run: RunId): Marks => {
  const [viewed, change] = useKept(`ccr.viewed.${run}`, Viewed, NONE);
  const [opened, setOpened] = useState<ReadonlyMap<string, boolean>>(() => new Map());
  const setOpen = useCallback(({ id }: ShownFile, open: boolean) => setOpened((old) => new Map(old).set(id, open)), []);
  return useMemo(() => {
    const isViewed = ({ id, fingerprint }: ShownFile): boolean => Object.hasOwn(viewed, id) && viewed[id] === fingerprint;
    return {
      isViewed,
      isOpen: (shown) => opened.get(shown.id) ?? !isViewed(shown),
      setOpen,
      setViewed: (shown, isNow) => {
        setOpen(shown, !isNow);
        change((old) => {
          const { [shown.id]: _, ...others } = old;
          if (isNow) return { ...others, [shown.id]: shown.fingerprint };
          return Object.keys(others).length === 0 ? NONE : others;
        });
      },
    };
  }, [viewed, opened, change, setOpen]);
};
