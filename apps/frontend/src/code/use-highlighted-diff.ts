import { useMemo } from "react";
import type { Piece } from "./highlight.ts";
import type { Language } from "./languages.ts";
import { useHighlighted } from "./use-highlighted.ts";

type DiffLine = { kind: "context" | "added" | "removed"; text: string };

/**
 * The coloured pieces of each line of a diff, in its order: both sides are read as whole texts, so that what spans several lines is
 * coloured right. Undefined for lines that have no colours yet, or for good.
 */
export const useHighlightedDiff = (
  lines: readonly DiffLine[],
  language: Language | null,
): readonly (readonly Piece[] | undefined)[] => {
  const [before, after] = useMemo(() => {
    const side = (other: DiffLine["kind"]): string =>
      lines
        .filter(({ kind }) => kind !== other)
        // One line of the diff must stay one line of the text.
        .map(({ text }) => text.replace(/[\r\n]/g, " "))
        .join("\n");
    return [side("added"), side("removed")];
  }, [lines]);
  const old = useHighlighted(before, language);
  const now = useHighlighted(after, language);
  return useMemo(() => {
    let oldIndex = 0;
    let newIndex = 0;
    return lines.map(({ kind }) => {
      const pieces = kind === "removed" ? old?.[oldIndex] : now?.[newIndex];
      if (kind !== "added") oldIndex += 1;
      if (kind !== "removed") newIndex += 1;
      return pieces;
    });
  }, [lines, old, now]);
};
