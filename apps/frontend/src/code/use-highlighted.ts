import { useEffect, useState } from "react";
import { HIGHLIGHT_MAX, type HighlightedLines, Highlighter } from "./highlight.ts";
import type { Language } from "./languages.ts";

const highlighter = new Highlighter(() => new Worker(new URL("./highlight-worker.ts", import.meta.url), { type: "module" }));

/** Who scrolls past a text does not want its colours: they are asked for when it has stayed so long. */
const PAUSE_MS = 120;

/** The code in coloured pieces, line by line; null as long as there are no colours (draw the plain text then), or for good. */
export const useHighlighted = (code: string, language: Language | null): HighlightedLines | null => {
  const known = language === null || code.length > HIGHLIGHT_MAX ? null : highlighter.peek(code, language);
  const [told, setTold] = useState<{ code: string; lines: HighlightedLines | null } | null>(null);
  const isAsked = known === undefined;
  useEffect(() => {
    if (!isAsked || language === null) return;
    let takeBack = (): void => {};
    const timer = setTimeout(() => {
      takeBack = highlighter.ask(code, language, (lines) => setTold({ code, lines }));
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      takeBack();
    };
  }, [isAsked, code, language]);
  if (known !== undefined) return known;
  return told?.code === code ? told.lines : null;
};
