import { TaskFile } from "@ccr/protocol";
import { type Place, placeAt, placeOfPath } from "./json-place.ts";

/** What is wrong with a file; `where` is the field, empty when it is about all of it. */
export type FileProblem = Place & { where: string; message: string };

export type ReadFile = { ok: true; file: TaskFile } | { ok: false; problems: readonly FileProblem[] };

// So many are shown: who has more corrects these first.
const PROBLEMS_MAX = 50;

const placeOfSyntax = (text: string, message: string): Place => {
  const [, position] = /at position (\d+)/.exec(message) ?? [];
  if (position !== undefined) return placeAt(text, Number(position));
  const [, line, column] = /line (\d+) column (\d+)/.exec(message) ?? [];
  return line !== undefined && column !== undefined
    ? { line: Number(line), column: Number(column) }
    : placeAt(text, text.trimEnd().length);
};

const nameOfPath = (path: readonly PropertyKey[]): string =>
  path
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`))
    .join("")
    .replace(/^\./, "");

/** Reads a file of tasks, or says by line and field what is wrong with it. Pure. */
export const readTaskFile = (text: string): ReadFile => {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : "";
    const why = message.replace(/^JSON\.parse: /, "").replace(/ in JSON at position.*$| at line \d+ column.*$/s, "");
    return { ok: false, problems: [{ ...placeOfSyntax(text, message), where: "", message: `this is no JSON: ${why}` }] };
  }
  const parsed = TaskFile.safeParse(json);
  if (parsed.success) return { ok: true, file: parsed.data };
  return {
    ok: false,
    problems: parsed.error.issues.slice(0, PROBLEMS_MAX).map(({ path, message }) => ({
      ...placeOfPath(text, path),
      where: nameOfPath(path),
      message,
    })),
  };
};
