import { useState } from "react";
import type { LaunchProblems } from "./launch-draft.ts";
import { type RepositoryDraft, repositoryField } from "./repositories-draft.ts";

const nothing: ReadonlySet<string> = new Set();

/**
 * Tells of the problems there are with repositories those that stood there when a field was left, or when the launch was tried: nobody is told what is
 * wrong with half a word, nor of what is mended. That a repository is still empty is told at a launch alone.
 */
export const useRepositoryProblems = (problems: LaunchProblems, rows: readonly RepositoryDraft[]) => {
  const [told, setTold] = useState(nothing);
  const empty = rows.flatMap((row, index) => (row.repository.trim() === "" ? [repositoryField(index, "repository")] : []));
  return {
    problemOf: (field: string): string | undefined => (told.has(field) ? problems.get(field) : undefined),
    onLeft: (): void => setTold(new Set([...told, ...[...problems.keys()].filter((field) => !empty.includes(field))])),
    onTried: (): void => setTold(new Set(problems.keys())),
    /** The rows are others now, and have other places. */
    forget: (): void => setTold(nothing),
  };
};
