import { it } from "vitest";
import type { DriverName } from "./drivers.ts";

/**
 * `it` for what no driver has a part in, among tests that each driver is tried with: it is tried with the first of them, and is no test at all with
 * others, where it would find nothing new.
 */
export const itOnce = (driver: DriverName): ((name: string, body: () => Promise<void>) => void) =>
  driver === "bubblewrap" ? it : () => {};
