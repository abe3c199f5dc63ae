import { z } from "zod";
import { useKept } from "./kept.ts";

const Kept = z.object({
  layout: z.enum(["unified", "split"]),
  isWrapped: z.boolean(),
  isBlind: z.boolean(),
  hasTree: z.boolean().default(true),
});

/** How a diff is drawn; `isBlind`: changes of white space alone are not shown. `hasTree`: the list of files stands beside it. */
export type ViewOptions = z.infer<typeof Kept>;

const FIRST: ViewOptions = { layout: "unified", isWrapped: false, isBlind: false, hasTree: true };

/** How the person wants diffs to be drawn, remembered in this browser. Where there is no room side by side, they are unified. */
export const useViewOptions = (hasRoom: boolean): { options: ViewOptions; change: (part: Partial<ViewOptions>) => void } => {
  const [kept, setKept] = useKept("ccr.diff-view", Kept, FIRST);
  return {
    options: hasRoom ? kept : { ...kept, layout: "unified" },
    change: (part) => setKept((old) => ({ ...old, ...part })),
  };
};
