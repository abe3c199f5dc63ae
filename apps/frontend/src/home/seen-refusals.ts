import { z } from "zod";
import { createStored } from "../ui/stored.ts";

/** Up to where somebody has seen, in this browser, that requests of a run were refused. A run that has ended is told of no more anyhow. */
export const seenRefusals = createStored("ccr.seen-refusals", z.record(z.string(), z.number()), {});
