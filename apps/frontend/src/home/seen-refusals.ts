import { useState } from "react";
import { z } from "zod";
import type { SeenRefusals } from "./needs.ts";

const KEY = "ccr.seen-refusals";
const Stored = z.record(z.string(), z.number());

const read = (): SeenRefusals => {
  try {
    const stored = Stored.safeParse(JSON.parse(localStorage.getItem(KEY) ?? "{}"));
    return stored.success ? stored.data : {};
  } catch {
    // Storage that is blocked or holds something else remembers nothing.
    return {};
  }
};

/** Up to where somebody has seen, in this browser, that requests of a run were refused. A run that has ended is told of no more anyhow. */
export const useSeenRefusals = (): [SeenRefusals, (next: SeenRefusals) => void] => {
  const [seen, setSeen] = useState(read);
  return [
    seen,
    (next) => {
      setSeen(next);
      try {
        localStorage.setItem(KEY, JSON.stringify(next));
      } catch {
        // It is remembered as long as the page is open.
      }
    },
  ];
};
