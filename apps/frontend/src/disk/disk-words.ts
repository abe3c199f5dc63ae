import type { CleanUpResult, DiskPart, DiskPlace, DiskReport, RetentionRules } from "@ccr/protocol";
import { formatBytes, plural } from "../ui/format.ts";

export const PLACE_NAMES = {
  data: "Data folder",
  database: "Database",
  docker: "Docker Engine",
} as const satisfies Record<DiskPlace["name"], string>;

/** A size, or that it could not be measured. */
export const sizeOf = (bytes: number | null): string => (bytes === null ? "not measured" : formatBytes(bytes));

const days = (count: number): string => plural(count, "day");

export type PartRow = { key: string; label: string; what: string; part: DiskPart; rule: string };

/** What takes room, each with how long it is kept. Pure. */
export const partRows = ({ mirrors, work, workspaces, audit, setups, images, rules }: DiskReport): PartRow[] => [
  {
    key: "work",
    label: "Kept work",
    what: "Bundles, patches and conversations of runs",
    part: work,
    rule: rules.workDays === null ? "kept for ever" : `until ${days(rules.workDays)} after the run's end`,
  },
  {
    key: "workspaces",
    label: "Workspaces",
    what: "Folders of the sandboxes that are there now",
    part: workspaces,
    rule: "as long as their runs go on",
  },
  {
    key: "mirrors",
    label: "Mirrors",
    what: "Bare copies of repositories",
    part: mirrors,
    rule: rules.mirrorsDays === null ? "kept for ever" : `until unused for ${days(rules.mirrorsDays)}`,
  },
  {
    key: "setups",
    label: "Set-ups",
    what: "What the set-ups of environments left for later runs",
    part: setups,
    rule: [
      rules.setupsDays === null ? "kept" : `until unused for ${days(rules.setupsDays)}`,
      ...(rules.setupsMb === null ? [] : [`at most ${formatBytes(rules.setupsMb * 1024 * 1024)}`]),
    ].join(", "),
  },
  {
    key: "audit",
    label: "Requests",
    what: "The gateway's records",
    part: audit,
    rule: rules.runsDays === null ? "kept for ever" : `until ${days(rules.runsDays)} after the run's end`,
  },
  ...(images === null
    ? []
    : [
        {
          key: "images",
          label: "Images",
          what: "What containers are made from",
          part: images,
          rule: rules.images === null ? "all are kept" : `the newest ${rules.images} are kept`,
        },
      ]),
];

/** How long runs are kept, in a sentence. Pure. */
export const runsRule = ({ runsDays }: RetentionRules): string =>
  runsDays === null
    ? "Runs and their transcripts are kept for ever."
    : `Runs and their transcripts are removed ${days(runsDays)} after their end.`;

const KINDS = {
  runs: "run",
  work: "kept work",
  mirrors: "mirror",
  setups: "set-up",
  images: "image",
} as const satisfies Record<keyof DiskReport["next"]["due"], string>;

const counted = (kind: keyof typeof KINDS, count: number): string =>
  kind === "work" ? `the work of ${plural(count, "run")}` : plural(count, KINDS[kind]);

/** What retention removes when it looks next, in words; null: nothing. Pure. */
export const dueWords = ({ due }: DiskReport["next"]): string | null => {
  const parts = (["runs", "work", "mirrors", "setups", "images"] as const).flatMap((kind) =>
    due[kind] === 0 ? [] : [counted(kind, due[kind])],
  );
  return parts.length === 0 ? null : parts.join(", ");
};

/** What a clean-up did, in a sentence. Pure. */
export const cleanUpSentence = ({ removed }: Pick<CleanUpResult, "removed">): string => {
  const parts = removed.filter(({ count }) => count > 0);
  if (parts.length === 0) return "There was nothing to remove.";
  const known = parts.flatMap(({ bytes }) => (bytes === null ? [] : [bytes]));
  const freed = known.reduce((sum, bytes) => sum + bytes, 0);
  const what = parts.map(({ kind, count }) => counted(kind, count)).join(", ");
  return `Removed ${what}${freed === 0 ? "" : `, which freed ${formatBytes(freed)}`}.`;
};
