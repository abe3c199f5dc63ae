import { setTimeout as delay } from "node:timers/promises";
import { CcrError } from "@ccr/protocol";
import type { Probe, SandboxDriver } from "./types.ts";

export type DriverName = SandboxDriver["name"];
export type Selected<Driver> = { driver: Driver; because: string };

// Docker first: its sandboxes bring their own tools, whatever the host has.
const PREFERENCE = ["docker", "bubblewrap"] as const satisfies readonly DriverName[];

const LOOK_EVERY_MS = 1000;

/** Asks a driver until it is usable, or will not be by waiting, or the signal aborts. */
const probePatiently = async (
  driver: Pick<SandboxDriver, "probe">,
  options: { waiting: (why: string) => void; signal: AbortSignal },
): Promise<Probe> => {
  const { waiting, signal } = options;
  for (let tries = 1; ; tries++) {
    const probe = await driver.probe(signal);
    if (probe.usable || probe.passing !== true || signal.aborted) return probe;
    if (tries === 1) waiting(probe.why);
    await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => {}); // then the last reason is given
    if (signal.aborted) return probe;
  }
};

/**
 * The driver that is wanted, or for `auto` the first usable one, with a sentence that says which and why. One that is wanted and may be
 * usable in a moment is waited for until the signal aborts, since runs may go on in its sandboxes; `waiting` is told so. Throws
 * `unavailable` with each driver's reason when there is none.
 */
export const selectDriver = async <Driver extends Pick<SandboxDriver, "name" | "probe">>(
  options: { wanted: "auto" | DriverName; drivers: readonly Driver[]; waiting?: (why: string) => void },
  signal: AbortSignal,
): Promise<Selected<Driver>> => {
  const { wanted, drivers, waiting = () => {} } = options;
  const reasons: string[] = [];
  for (const name of wanted === "auto" ? PREFERENCE : [wanted]) {
    const driver = drivers.find((candidate) => candidate.name === name);
    if (driver === undefined) continue;
    const probe = wanted === "auto" ? await driver.probe(signal) : await probePatiently(driver, { waiting, signal });
    if (probe.usable) return { driver, because: sentence({ name, wanted, details: probe.details, reasons }) };
    reasons.push(`${name}: ${probe.why}`);
  }
  throw new CcrError("unavailable", noneUsable(wanted, reasons));
};

const sentence = (found: { name: DriverName; wanted: string; details: string; reasons: readonly string[] }): string => {
  const why = found.wanted !== "auto" ? "as asked for" : found.reasons.length === 0 ? "it answers here" : found.reasons.join(" ");
  return `Sandboxes are made with ${found.name} (${found.details}), because: ${why}${/[.!]$/.test(why) ? "" : "."}`;
};

const noneUsable = (wanted: string, reasons: readonly string[]): string => {
  const list = reasons.length === 0 ? "no driver was offered" : reasons.join(" ");
  return wanted === "auto"
    ? `No sandbox can be made on this machine. ${list}`
    : `The sandbox driver that was asked for cannot be used here. ${list}`;
};
