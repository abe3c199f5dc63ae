import { createJavaScriptRegexEngine } from "@shikijs/engine-javascript";
import { codeToTokensBase, createShikiPrimitiveAsync, type ShikiPrimitive } from "@shikijs/primitive";
import { GRAMMARS } from "./grammars.ts";
import { kindIndexOf, kindTheme } from "./kinds.ts";
import type { Language } from "./languages.ts";

/** For each line its pieces, one after the other: how long each is, and the index of its kind. */
export type PackedLines = number[][];

/** A longer line is no code that anybody reads: it stays plain. */
const LINE_MAX = 2000;
/** One line may take so long, the first of a language also for its patterns to be made; the rest of it stays plain. */
const LINE_MS = 3000;

let shiki: Promise<ShikiPrimitive> | null = null;
const loadShiki = (): Promise<ShikiPrimitive> => {
  shiki ??= createShikiPrimitiveAsync({
    themes: [kindTheme],
    langs: [],
    // WebAssembly is not allowed by the page's policy; a pattern that JavaScript cannot express is left out.
    engine: createJavaScriptRegexEngine({ forgiving: true }),
  });
  return shiki;
};

/** Tells apart the pieces of a code. Fetches what it needs; rejects when that cannot be had. */
export const tokenize = async (code: string, language: Language): Promise<PackedLines> => {
  const [primitive, grammar] = await Promise.all([loadShiki(), GRAMMARS[language]()]);
  if (!primitive.getLoadedLanguages().includes(language)) await primitive.loadLanguage(...grammar.default);
  const lines = codeToTokensBase(primitive, code, {
    lang: language,
    theme: "kinds",
    tokenizeMaxLineLength: LINE_MAX,
    tokenizeTimeLimit: LINE_MS,
  });
  return lines.map((tokens) => {
    const packed: number[] = [];
    for (const { content, color } of tokens) {
      // Blanks have no colour to show: they go with what stands before them.
      const kind = content.trim() === "" ? (packed.at(-1) ?? 0) : kindIndexOf(color);
      if (packed.length > 0 && packed.at(-1) === kind) packed[packed.length - 2] = (packed.at(-2) ?? 0) + content.length;
      else packed.push(content.length, kind);
    }
    return packed;
  });
};
