import type { ToolEntry } from "../../entries/entry.ts";
import { listOf, recordOf, textOf } from "../../entries/json.ts";

export type Match = { line: number | null; text: string; isMatch: boolean };
/** What was found in one file; `count` when only that was asked for. */
export type FileMatches = { path: string; matches: readonly Match[]; count: number | null };
export type SearchResult = { kind: "files"; files: readonly FileMatches[]; notes: readonly string[] } | { kind: "words" };

/** Lines that say something of the search and are no part of what was found. */
const NOTE = /^(?:Found \d|No (?:files|matches) found|\(Results are truncated|\[Showing results|--$)/;
const MATCH = /^(.*?):(\d+):(.*)$/;
const CONTEXT = /^(.*?)-(\d+)-(.*)$/;
const COUNT = /^(.*):(\d+)$/;
/** In a single file the path is left out. */
const BARE = /^(\d+)([:-])(.*)$/;

const paths = (lines: readonly string[]): FileMatches[] => lines.map((path) => ({ path, matches: [], count: null }));

const found = (lines: readonly string[], onlyPath: string | null): FileMatches[] | null => {
  const files = new Map<string, Match[]>();
  let misfits = 0;
  for (const line of lines) {
    const [, path, number, text] = MATCH.exec(line) ?? [];
    const [, contextPath, contextNumber, contextText] = path === undefined ? (CONTEXT.exec(line) ?? []) : [];
    const [, bareNumber, mark, bareText] = onlyPath === null ? [] : (BARE.exec(line) ?? []);
    const add = (name: string, match: Match): void => {
      const matches = files.get(name) ?? [];
      files.set(name, matches);
      matches.push(match);
    };
    if (onlyPath !== null && bareNumber !== undefined) {
      add(onlyPath, { line: Number(bareNumber), text: bareText ?? "", isMatch: mark === ":" });
    } else if (path !== undefined) add(path, { line: Number(number), text: text ?? "", isMatch: true });
    else if (contextPath !== undefined)
      add(contextPath, { line: Number(contextNumber), text: contextText ?? "", isMatch: false });
    else misfits += 1;
  }
  // Lines without numbers cannot be told apart from a path with a colon: better as they are.
  return misfits * 4 > lines.length ? null : [...files].map(([path, matches]) => ({ path, matches, count: null }));
};

/** Reads what `Grep`, `Glob` or `LS` found, grouped by file. Pure. */
export const readSearch = ({ name, input, result }: ToolEntry): SearchResult => {
  if (result === null || result.isError || name === "LS") return { kind: "words" };
  const structured = recordOf(result.structured);
  const all = (textOf(structured.content) ?? result.text).split("\n").filter((line) => line.trim() !== "");
  const notes = all.filter((line) => NOTE.test(line) && line !== "--");
  const lines = all.filter((line) => !NOTE.test(line));
  const mode =
    textOf(structured.mode) ?? (name === "Glob" ? "files_with_matches" : (textOf(input.output_mode) ?? "files_with_matches"));
  const named = listOf(structured.filenames).filter((path) => typeof path === "string");
  if (mode === "files_with_matches") return { kind: "files", files: paths(named.length > 0 ? named : lines), notes };
  if (mode === "count") {
    const files = lines.flatMap((line) => {
      const [, path, count] = COUNT.exec(line) ?? [];
      return path === undefined ? [] : [{ path, matches: [], count: Number(count) }];
    });
    return files.length === 0 && lines.length > 0 ? { kind: "words" } : { kind: "files", files, notes };
  }
  const path = textOf(input.path);
  const files = found(lines, path !== null && /\.[^/]+$/.test(path) ? path : null);
  return files === null ? { kind: "words" } : { kind: "files", files, notes };
};

/** Where a pattern that is plain text stands in a line: pairs of beginning and end. One with special signs is not searched for. */
export const occurrences = (text: string, pattern: string, ignoreCase: boolean): [number, number][] => {
  if (pattern === "" || /[\\^$.*+?()[\]{}|]/.test(pattern)) return [];
  const [where, what] = ignoreCase ? [text.toLowerCase(), pattern.toLowerCase()] : [text, pattern];
  const places: [number, number][] = [];
  for (let at = where.indexOf(what); at !== -1 && places.length < 20; at = where.indexOf(what, at + what.length)) {
    places.push([at, at + what.length]);
  }
  return places;
};
