import { decodeEntities } from "./entities.ts";

/** A part of a line of markdown. */
export type InlineSpan =
  | { kind: "text"; text: string }
  | { kind: "code"; text: string }
  | { kind: "strong" | "em"; inside: readonly InlineSpan[] };

/** Deeper nesting is no writing: it is shown as text. */
const DEPTH_MAX = 8;

const isBlank = (character: string | undefined): boolean => character === undefined || /\s/.test(character);
const isWord = (character: string | undefined): boolean => character !== undefined && /[\p{L}\p{N}]/u.test(character);

/** Where the mark that began at `from` ends, which must stand behind a word; -1: nowhere. */
const closeOf = (text: string, mark: string, from: number): number => {
  for (let at = text.indexOf(mark, from); at !== -1; at = text.indexOf(mark, at + mark.length)) {
    const after = text[at + mark.length];
    const isDoubled = mark.length === 1 && (after === mark || text[at - 1] === mark);
    // `snake_case_name` holds no emphasis.
    if (at <= from || isBlank(text[at - 1]) || isDoubled || (mark.startsWith("_") && isWord(after))) continue;
    // Of three marks the innermost come first.
    return mark.length === 2 && after === mark[0] ? at + 1 : at;
  }
  return -1;
};

const codeAt = (text: string, at: number): { code: string; end: number } | null => {
  const ticks = /^`+/.exec(text.slice(at, at + 20))?.[0] ?? "`";
  for (let close = text.indexOf(ticks, at + ticks.length); close !== -1; close = text.indexOf(ticks, close + ticks.length)) {
    if (text[close - 1] === "`" || text[close + ticks.length] === "`") continue;
    const code = text.slice(at + ticks.length, close);
    return { code: /^ .* $/s.test(code) ? code.slice(1, -1) : code, end: close + ticks.length };
  }
  return null;
};

const linkAt = (text: string, at: number): { words: string; end: number } | null => {
  const bracket = text.indexOf("]", at);
  if (bracket === -1 || text[bracket + 1] !== "(") return null;
  const end = text.indexOf(")", bracket);
  const words = text.slice(at + 1, bracket);
  return end === -1 || words.includes("\n") ? null : { words, end: end + 1 };
};

const MARKS = ["**", "__", "~~", "*", "_"] as const;

/** Emphasis and code of a text; links are their words, everything else stays as it is written, lines too. Pure. */
export const inlineSpans = (text: string, depth = 0): readonly InlineSpan[] => {
  const spans: InlineSpan[] = [];
  let plain = "";
  let at = 0;
  /** Marks that are closed nowhere behind here: they are not looked for again. */
  const hopeless = new Set<string>();
  const add = (...more: InlineSpan[]): void => {
    if (plain !== "") spans.push({ kind: "text", text: decodeEntities(plain) });
    plain = "";
    spans.push(...more);
  };
  const take = (length: number): void => {
    plain += text.slice(at, at + length);
    at += length;
  };
  while (at < text.length) {
    const character = text[at];
    if (character === "\\" && /[!-/:-@[-`{-~]/.test(text[at + 1] ?? "")) {
      at += 1;
      take(1);
      continue;
    }
    if (character === "`") {
      const found = codeAt(text, at);
      if (found === null) {
        take(1);
        continue;
      }
      add({ kind: "code", text: found.code });
      at = found.end;
      continue;
    }
    if (character === "[" && text[at - 1] !== "!") {
      const found = depth > DEPTH_MAX ? null : linkAt(text, at);
      if (found === null) {
        take(1);
        continue;
      }
      add(...inlineSpans(found.words, depth + 1));
      at = found.end;
      continue;
    }
    const mark = MARKS.find((each) => text.startsWith(each, at));
    const opens = mark !== undefined && !isBlank(text[at + mark.length]) && !(mark.startsWith("_") && isWord(text[at - 1]));
    const close =
      mark === undefined || !opens || depth > DEPTH_MAX || hopeless.has(mark) ? -1 : closeOf(text, mark, at + mark.length);
    if (mark === undefined || close === -1) {
      if (mark !== undefined && opens) hopeless.add(mark);
      take(mark?.length ?? 1);
      continue;
    }
    const inside = inlineSpans(text.slice(at + mark.length, close), depth + 1);
    if (mark === "~~") add(...inside);
    else add({ kind: mark.length === 2 ? "strong" : "em", inside });
    at = close + mark.length;
  }
  add();
  return spans;
};
