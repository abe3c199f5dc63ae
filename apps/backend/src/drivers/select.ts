import { CcrError } from "@ccr/protocol";
import type { SandboxDriver } from "./types.ts";

export type DriverName = SandboxDriver["name"];
export type Selected<Driver> = { driver: Driver; because: string };

// Docker first: its sandboxes bring their own tools, whatever the host has.
const PREFERENCE = ["docker", "bubblewrap"] as const satisfies readonly DriverName[];

/**
 * The driver that is wanted, or for `auto` the first usable one, with a sentence that says which and why. Throws `unavailable`
 * with each driver's reason when there is none.
 */
export const selectDriver = async <Driver extends Pick<SandboxDriver, "name" | "probe">>(
  { wanted, drivers }: { wanted: "auto" | DriverName; drivers: readonly Driver[] },
  signal: AbortSignal,
): Promise<Selected<Driver>> => {
  const reasons: string[] = [];
  for (const name of wanted === "auto" ? PREFERENCE : [wanted]) {
    const driver = drivers.find((candidate) => candidate.name === name);
    if (driver === undefined) continue;
    const probe = await driver.probe(signal);
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
