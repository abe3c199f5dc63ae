import type { Selectable } from "kysely";
import type { RunTable, RunTextTable } from "./schema.ts";

/* What runs are looked for by: texts in one form, the same on every database, and short enough that some thousands are looked through at once. */

// Long enough for the head of any prompt; what comes after it is found in the transcript.
const TEXT_MAX = 4000;
const ENDING_MAX = 500;
const WORDS_MAX = 8;
// Some 24 days, which is what every engine's integer takes; a run may take seven.
const MOST_MS = 2 ** 31 - 1;

const plain = (text: string, most: number): string =>
  text
    .normalize("NFKC")
    .toLowerCase()
    .replaceAll(/\s+|\0/g, " ")
    .trim()
    .slice(0, most)
    // Half a character is none that a database keeps.
    .replace(/[\ud800-\udbff]$/, "");

type Named = Pick<Selectable<RunTable>, "id" | "task_name" | "steps" | "repository" | "ref" | "additional" | "sentence">;

/** The texts by which a run is found. Pure. */
export const searchTextOf = (row: Named): Selectable<RunTextTable> => {
  // JSON of our own, in which an end of line is written as two characters.
  const steps = row.steps
    .replaceAll(/\\[nrt]/g, " ")
    .replaceAll('\\"', '"')
    .replaceAll(/"(instructions|checks)":|[{}[\]]/g, " ");
  const others = (row.additional ?? "").replaceAll(/"(repository|ref|directory)":|[{}[\]]/g, " ");
  const named = [row.task_name, row.repository, row.ref ?? "", row.id, others, steps].join(" ");
  return { run_id: row.id, ending: endingOf(row.sentence), text: plain(named, TEXT_MAX) };
};

/** The sentence of a run's end, as it is looked for. Pure. */
export const endingOf = (sentence: string | null): string => plain(sentence ?? "", ENDING_MAX);

/** The words of a search, each as a pattern that holds it; those beyond the first few are left out. Pure. */
export const patternsOf = (text: string): string[] =>
  [...new Set(plain(text, 1000).split(" "))]
    .filter((word) => word !== "")
    .slice(0, WORDS_MAX)
    .map((word) => `%${word.replaceAll(/[\\%_]/g, (sign) => `\\${sign}`)}%`);

/** How long a run took that has ended, from when it began to cost time. Pure. */
export const durationMsOf = (row: { created_at: string; started_at: string | null; ended_at: string }): number =>
  Math.min(Math.max(Date.parse(row.ended_at) - Date.parse(row.started_at ?? row.created_at), 0), MOST_MS);
