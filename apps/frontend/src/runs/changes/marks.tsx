import { classes } from "../../ui/classes.ts";
import type { PatchFile } from "./patch.ts";

const MARKS: Record<PatchFile["status"], { letter: string; name: string; tone: string }> = {
  added: { letter: "A", name: "added", tone: "text-ok" },
  modified: { letter: "M", name: "modified", tone: "text-warn" },
  deleted: { letter: "D", name: "deleted", tone: "text-bad" },
  renamed: { letter: "R", name: "renamed", tone: "text-accent" },
  copied: { letter: "C", name: "copied", tone: "text-accent" },
  mode_changed: { letter: "M", name: "mode changed", tone: "text-warn" },
};

/** What became of a file, as a letter with its word. */
export const FileMark = ({ status }: { status: PatchFile["status"] }) => {
  const { letter, name, tone } = MARKS[status];
  return (
    <span title={name} className={classes("code w-3.5 shrink-0 text-center font-semibold", tone)}>
      <span aria-hidden>{letter}</span>
      <span className="sr-only">{name}</span>
    </span>
  );
};

/** How many lines were added and removed; null: nobody counts them in a binary file. */
export const Counts = ({ additions, deletions }: { additions: number | null; deletions: number | null }) => (
  <span className="nums shrink-0 text-xs">
    {additions === null ? (
      <span className="text-ink-faint">binary</span>
    ) : (
      <>
        <span className="text-ok">+{additions}</span> <span className="text-bad">−{deletions}</span>
      </>
    )}
  </span>
);

/** The counts of one file; nothing where no line changed. */
export const FileCounts = ({ file: { binary, additions, deletions } }: { file: PatchFile }) =>
  binary || additions + deletions > 0 ? <Counts additions={binary ? null : additions} deletions={deletions} /> : null;
