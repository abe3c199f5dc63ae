import type { InstanceRun, InstanceUsage, SandboxUsage } from "@ccr/protocol";
import { formatBytes } from "../ui/format.ts";

/** The share of a limit that is used; null: one of the two is not known. More than all of it stays all of it. Pure. */
const shareOf = (used: number | null, limit: number): number | null => (used === null ? null : Math.min(1, used / limit));

/** How many processors were at work between two looks; null: it takes two, of one sandbox that did not begin anew. Pure. */
export const processorsBetween = (before: SandboxUsage | undefined, now: SandboxUsage): number | null => {
  if (before === undefined || before.cpuMs === null || now.cpuMs === null) return null;
  const passedMs = Date.parse(now.at) - Date.parse(before.at);
  if (passedMs <= 0 || now.cpuMs < before.cpuMs) return null;
  return (now.cpuMs - before.cpuMs) / passedMs;
};

export type Meter = { name: string; text: string; limit: string; share: number | null };

const MB = 1024 * 1024;

/** What a sandbox uses of its limits, in words and shares; what cannot be told is left out. Pure. */
export const metersOf = (
  { usage, before }: { usage: SandboxUsage; before: SandboxUsage | undefined },
  limits: InstanceRun["limits"],
): Meter[] => {
  const processors = processorsBetween(before, usage);
  const { memoryBytes, processes, diskBytes } = usage;
  return [
    {
      name: "CPU",
      text: processors === null ? (usage.cpuMs === null ? null : "measuring") : `${(processors * 100).toFixed(0)}%`,
      limit: `of ${(limits.cpus * 100).toFixed(0)}%`,
      share: shareOf(processors, limits.cpus),
    },
    {
      name: "Memory",
      text: memoryBytes === null ? null : formatBytes(memoryBytes),
      limit: `of ${formatBytes(limits.memoryMb * MB)}`,
      share: shareOf(memoryBytes, limits.memoryMb * MB),
    },
    {
      name: "Disk",
      text: diskBytes === null ? null : formatBytes(diskBytes),
      limit: `of ${formatBytes(limits.diskMb * MB)}`,
      share: shareOf(diskBytes, limits.diskMb * MB),
    },
    {
      name: "Processes",
      text: processes === null ? null : processes.toLocaleString("en"),
      limit: `of ${limits.processes.toLocaleString("en")}`,
      share: shareOf(processes, limits.processes),
    },
  ].flatMap(({ text, ...meter }) => (text === null ? [] : [{ ...meter, text }]));
};

/** The last two looks at each sandbox, so that what went on between them can be told. Pure. */
export type Looks = ReadonlyMap<string, { now: SandboxUsage; before: SandboxUsage | undefined }>;

/** Takes in a new look; sandboxes that are not in it any more are forgotten. Pure. */
export const withLook = (looks: Looks, usages: readonly InstanceUsage[]): Looks =>
  new Map(
    usages.flatMap(({ id, usage }) => {
      if (usage === null) return [];
      const last = looks.get(id);
      // The same answer once more is no new look.
      return [[id, last?.now.at === usage.at ? last : { now: usage, before: last?.now }]];
    }),
  );
