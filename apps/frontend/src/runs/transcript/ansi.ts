export type AnsiColor = "black" | "red" | "green" | "yellow" | "blue" | "magenta" | "cyan" | "white";
/** One of the terminal's own colours, or red, green and blue from 0 to 255. */
export type Color = AnsiColor | readonly [number, number, number];
export type AnsiStyle = {
  color: Color | null;
  background: Color | null;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
  strike: boolean;
  inverse: boolean;
};
export type AnsiSpan = { text: string; style: AnsiStyle };

const COLORS: readonly AnsiColor[] = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

export const plainStyle: AnsiStyle = {
  color: null,
  background: null,
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  strike: false,
  inverse: false,
};

const LEVELS = [0, 95, 135, 175, 215, 255] as const;
const levelAt = (index: number): number => LEVELS[index % 6] ?? 0;

/** The colour of this number in the table of 256: the terminal's own, a cube of six levels, a scale of greys. */
const colorOf256 = (index: number): Color | null => {
  if (!(index >= 0 && index <= 255)) return null;
  if (index < 16) return COLORS[index % 8] ?? null;
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return [grey, grey, grey];
  }
  const cube = index - 16;
  return [levelAt(Math.floor(cube / 36)), levelAt(Math.floor(cube / 6)), levelAt(cube)];
};

const byte = (value: number | undefined): number => Math.min(255, Math.max(0, value ?? 0));

/** Reads a colour with arguments (`38;5;n`, `38;2;r;g;b`); `used`: how many codes it takes after the first. */
const extended = (codes: readonly number[], at: number): { color: Color | null; used: number } => {
  if (codes[at + 1] === 5) return { color: colorOf256(codes[at + 2] ?? -1), used: 2 };
  if (codes[at + 1] === 2) return { color: [byte(codes[at + 2]), byte(codes[at + 3]), byte(codes[at + 4])], used: 4 };
  return { color: null, used: codes.length };
};

const withCode = (style: AnsiStyle, code: number): AnsiStyle => {
  switch (code) {
    case 0:
      return plainStyle;
    case 1:
      return { ...style, bold: true };
    case 2:
      return { ...style, dim: true };
    case 3:
      return { ...style, italic: true };
    case 4:
    case 21:
      return { ...style, underline: true };
    case 7:
      return { ...style, inverse: true };
    case 9:
      return { ...style, strike: true };
    case 22:
      return { ...style, bold: false, dim: false };
    case 23:
      return { ...style, italic: false };
    case 24:
      return { ...style, underline: false };
    case 27:
      return { ...style, inverse: false };
    case 29:
      return { ...style, strike: false };
    case 39:
      return { ...style, color: null };
    case 49:
      return { ...style, background: null };
    default: {
      const color = COLORS[code % 10] ?? null;
      if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) return { ...style, color };
      if ((code >= 40 && code <= 47) || (code >= 100 && code <= 107)) return { ...style, background: color };
      return style;
    }
  }
};

const applyCodes = (style: AnsiStyle, codes: readonly number[]): AnsiStyle => {
  let next = style;
  for (let index = 0; index < codes.length; index += 1) {
    const code = codes[index] ?? 0;
    if (code === 38 || code === 48) {
      const { color, used } = extended(codes, index);
      next = code === 38 ? { ...next, color } : { ...next, background: color };
      index += used;
    } else next = withCode(next, code);
  }
  return next;
};

/** `38:2::r:g:b` has a place for a colour space, which nobody fills; `4:3` is a kind of underline. */
const codesOf = (parameters: string): number[] =>
  parameters.split(";").flatMap((part) => {
    if (!part.includes(":")) return [Number(part)];
    const codes = part.split(":");
    if (codes[0] !== "38" && codes[0] !== "48") return [Number(codes[0])];
    return (codes[1] === "2" && codes.length > 5 ? [...codes.slice(0, 2), ...codes.slice(3)] : codes).map(Number);
  });

const SEQUENCE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are made of control characters
  /\u001b(?:\[([0-9;:?<=>]*)[ -/]*([@-~])?|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[PX^_][^\u001b]*(?:\u001b\\)?|[ -/]*[0-~])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
const CONTROLS = /[\u0000-\u0007\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;
/* What moves within the line: everything between two of these is text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: one of them is a backspace
const MOVES = /(\n|\r\n|\r|\u0008)/;

const sameColor = (left: Color | null, right: Color | null): boolean =>
  left === right || (Array.isArray(left) && Array.isArray(right) && left.every((part, index) => part === right[index]));

const sameStyle = (left: AnsiStyle, right: AnsiStyle): boolean =>
  left === right ||
  (left.bold === right.bold &&
    left.dim === right.dim &&
    left.italic === right.italic &&
    left.underline === right.underline &&
    left.strike === right.strike &&
    left.inverse === right.inverse &&
    sameColor(left.color, right.color) &&
    sameColor(left.background, right.background));

/** The line that is being written, over which one can go back. */
class Screen {
  readonly done: AnsiSpan[] = [];
  private line: AnsiSpan[] = [];
  /** A carriage return went back to the start: what comes next takes the place of what stands there. */
  private returned = false;

  write(text: string, style: AnsiStyle): void {
    if (text === "") return;
    for (const part of text.split(MOVES)) {
      if (part === "\n" || part === "\r\n") this.endLine();
      else if (part === "\r") this.returned = true;
      else if (part === "\b") this.eraseOne();
      else this.put(part.replace(CONTROLS, ""), style);
    }
  }

  eraseLine(): void {
    this.line = [];
    this.returned = false;
  }

  goToStart(): void {
    this.returned = true;
  }

  finish(): readonly AnsiSpan[] {
    this.flush();
    return this.done;
  }

  private put(text: string, style: AnsiStyle): void {
    if (text === "") return;
    if (this.returned) this.eraseLine();
    const last = this.line.at(-1);
    if (last !== undefined && sameStyle(last.style, style)) last.text += text;
    else this.line.push({ text, style });
  }

  private eraseOne(): void {
    const last = this.line.at(-1);
    if (last === undefined) return;
    last.text = last.text.slice(0, -1);
    if (last.text === "") this.line.pop();
  }

  private endLine(): void {
    const last = this.line.at(-1);
    if (last === undefined) this.line.push({ text: "\n", style: plainStyle });
    else last.text += "\n";
    this.flush();
  }

  private flush(): void {
    for (const span of this.line) {
      const last = this.done.at(-1);
      if (last !== undefined && sameStyle(last.style, span.style)) last.text += span.text;
      else this.done.push(span);
    }
    this.eraseLine();
  }
}

/** Terminal output as spans of one style each; what was overwritten, and every other escape sequence and control character, is taken out. */
export const parseAnsi = (output: string): readonly AnsiSpan[] => {
  const screen = new Screen();
  let style = plainStyle;
  let from = 0;
  for (const match of output.matchAll(SEQUENCE)) {
    screen.write(output.slice(from, match.index), style);
    from = match.index + match[0].length;
    const [, parameters = "", command] = match;
    if (command === "m") style = applyCodes(style, codesOf(parameters));
    else if (command === "K" && parameters !== "0" && parameters !== "") screen.eraseLine();
    else if (command === "G" && (parameters === "" || parameters === "1")) screen.goToStart();
  }
  screen.write(output.slice(from), style);
  return screen.finish();
};

/** Terminal output without colours, escape sequences and control characters. */
export const stripAnsi = (output: string): string =>
  parseAnsi(output)
    .map(({ text }) => text)
    .join("");
