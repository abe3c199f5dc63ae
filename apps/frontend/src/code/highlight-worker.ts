import type { Language } from "./languages.ts";
import { type PackedLines, tokenize } from "./tokenize.ts";

/*
 * Colours code beside the page, one text after the other.
 */

export type HighlightRequest = { code: string; language: Language };
/** `lines` is null when the code could not be coloured. */
export type HighlightAnswer = { lines: PackedLines | null };

addEventListener("message", ({ data }: MessageEvent<HighlightRequest>) => {
  const answer = (lines: PackedLines | null): void => postMessage({ lines } satisfies HighlightAnswer);
  tokenize(data.code, data.language).then(answer, () => answer(null));
});
