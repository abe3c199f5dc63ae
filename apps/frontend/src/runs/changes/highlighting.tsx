import { WorkerPoolContextProvider } from "@pierre/diffs/react";
import type { ReactNode } from "react";
import { THEME } from "./look.ts";

// One thread beside the page's own: more would take the machine from it for lines that nobody looks at yet.
const pool = {
  workerFactory: () => new Worker(new URL("./highlighting-worker.ts", import.meta.url), { type: "module" }),
  poolSize: 1,
};
const options = { theme: THEME };

/** Colours code in a thread of its own, so that the page never waits for it. */
export const Highlighting = ({ children }: { children: ReactNode }) => (
  <WorkerPoolContextProvider poolOptions={pool} highlighterOptions={options}>
    {children}
  </WorkerPoolContextProvider>
);
