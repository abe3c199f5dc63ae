import type { AnsiColor, AnsiStyle, Color } from "./ansi.ts";

type Rgb = readonly [number, number, number];

/** The page's own colours for those of a terminal: each can be read on the page, in light and in dark. */
const TEXT: Record<AnsiColor, string> = {
  black: "text-ink-faint",
  red: "text-bad",
  green: "text-ok",
  yellow: "text-warn",
  blue: "text-code-function",
  magenta: "text-code-keyword",
  cyan: "text-code-type",
  white: "text-ink",
};
const FILLED: Record<AnsiColor, string> = {
  black: "bg-ink-faint text-page",
  red: "bg-bad text-page",
  green: "bg-ok text-page",
  yellow: "bg-warn text-page",
  blue: "bg-code-function text-page",
  magenta: "bg-code-keyword text-page",
  cyan: "bg-code-type text-page",
  white: "bg-ink text-page",
};

const luminance = (rgb: Rgb): number => {
  const [red = 0, green = 0, blue = 0] = rgb.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};

const contrast = (left: number, right: number): number => (Math.max(left, right) + 0.05) / (Math.min(left, right) + 0.05);

const mix = (rgb: Rgb, towards: number, share: number): Rgb => {
  const [red, green, blue] = rgb.map((value) => Math.round(value + (towards - value) * share));
  return [red ?? 0, green ?? 0, blue ?? 0];
};

/** Luminances of the page behind outputs, at their least favourable. */
const LIGHT = 0.88;
const DARK = 0.02;
const WANTED = 4.5;

/** The same hue, moved towards black or white until it can be read on this background. */
const readable = (rgb: Rgb, behind: number): Rgb => {
  const towards = behind > 0.2 ? 0 : 255;
  for (let share = 0; share < 1; share += 0.1) {
    const moved = mix(rgb, towards, share);
    if (contrast(luminance(moved), behind) >= WANTED) return moved;
  }
  return [towards, towards, towards];
};

const css = (rgb: Rgb): string => `rgb(${rgb.join(" ")})`;
const isNamed = (color: Color): color is AnsiColor => typeof color === "string";

/** How a span of terminal output is drawn: the names of its styles, and colours of its own. */
export type AnsiLook = { className: string; style: { color?: string; backgroundColor?: string } };

const colorsOf = ({ color, background, inverse }: AnsiStyle): AnsiLook => {
  const front = inverse ? background : color;
  const back = inverse ? (color ?? "white") : background;
  if (back !== null && isNamed(back)) return { className: FILLED[back], style: {} };
  if (back !== null) {
    const behind = luminance(back);
    const rgb: Rgb = front === null || isNamed(front) ? (behind > 0.2 ? [0, 0, 0] : [255, 255, 255]) : readable(front, behind);
    return { className: "", style: { backgroundColor: css(back), color: css(rgb) } };
  }
  if (front === null) return { className: "", style: {} };
  if (isNamed(front)) return { className: TEXT[front], style: {} };
  const both = `light-dark(${css(readable(front, LIGHT))}, ${css(readable(front, DARK))})`;
  return { className: "", style: { color: both } };
};

/** The look of a style. Whatever colours a program asks for, its text can be read. Pure. */
export const lookOfAnsi = (ansi: AnsiStyle): AnsiLook => {
  const { className, style } = colorsOf(ansi);
  const names = [
    className,
    ansi.bold && "font-semibold",
    ansi.dim && className === "" && style.color === undefined && "text-ink-faint",
    ansi.italic && "italic",
    ansi.underline && ansi.strike ? "[text-decoration:underline_line-through]" : "",
    ansi.underline && !ansi.strike && "underline",
    ansi.strike && !ansi.underline && "line-through",
  ];
  return { className: names.filter((name) => typeof name === "string" && name !== "").join(" "), style };
};
