export type AnsiColor = "black" | "red" | "green" | "yellow" | "blue" | "magenta" | "cyan" | "white";
export type AnsiSpan = { text: string; color: AnsiColor | null; bold: boolean; dim: boolean };

const COLORS: readonly AnsiColor[] = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

type Style = Omit<AnsiSpan, "text">;
const plain: Style = { color: null, bold: false, dim: false };

const applyCodes = (style: Style, codes: readonly number[]): Style => {
  let next = style;
  for (let index = 0; index < codes.length; index += 1) {
    const code = codes[index] ?? 0;
    // Extended colours take arguments, which must not be read as codes of their own.
    if (code === 38 || code === 48) index += codes[index + 1] === 5 ? 2 : 4;
    else if (code === 0) next = plain;
    else if (code === 1) next = { ...next, bold: true };
    else if (code === 2) next = { ...next, dim: true };
    else if (code === 22) next = { ...next, bold: false, dim: false };
    else if (code === 39) next = { ...next, color: null };
    else if (code >= 30 && code <= 37) next = { ...next, color: COLORS[code - 30] ?? null };
    else if (code >= 90 && code <= 97) next = { ...next, color: COLORS[code - 90] ?? null };
  }
  return next;
};

const SEQUENCE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are made of control characters
  /\u001b(?:\[([0-9;:?<=>]*)[ -/]*([@-~])?|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[PX^_][^\u001b]*(?:\u001b\\)?|[ -/]*[0-~])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;

/** A line on which a carriage return went back to the start shows what was written last. */
const overwrite = (text: string): string => {
  if (!text.includes("\r")) return text;
  const lines = text.split("\n").map((line) => line.replace(/\r+$/, ""));
  return lines.map((line) => line.slice(line.lastIndexOf("\r") + 1)).join("\n");
};

/** Terminal output as coloured spans: colours and weight are kept, every other escape sequence and control character is taken out. */
export const parseAnsi = (output: string): readonly AnsiSpan[] => {
  const spans: AnsiSpan[] = [];
  let style = plain;
  let from = 0;
  const push = (text: string): void => {
    const clean = text.replace(CONTROLS, "");
    const last = spans.at(-1);
    if (clean === "") return;
    if (last !== undefined && last.color === style.color && last.bold === style.bold && last.dim === style.dim)
      last.text += clean;
    else spans.push({ ...style, text: clean });
  };
  const text = overwrite(output);
  for (const match of text.matchAll(SEQUENCE)) {
    push(text.slice(from, match.index));
    from = match.index + match[0].length;
    if (match[2] === "m") style = applyCodes(style, (match[1] ?? "").split(/[;:]/).map(Number));
  }
  push(text.slice(from));
  return spans;
};

/** Terminal output without colours, escape sequences and control characters. */
export const stripAnsi = (output: string): string =>
  parseAnsi(output)
    .map(({ text }) => text)
    .join("");
