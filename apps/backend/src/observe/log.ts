import type { Mask } from "./mask.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Writes one event. `fields` hold ids, figures and errors; what is secret in any of it does not come out. Never throws. */
export type WriteLog = (level: LogLevel, text: string, fields?: Record<string, unknown>) => void;

export type LogOptions = {
  /** Takes one line, without its end; with the text format, an error's stack makes it several. */
  write: (line: string) => void;
  format: "text" | "json";
  /** The least that is written. */
  level: LogLevel;
  mask: Mask;
  colours: boolean;
  now?: () => Date;
};

/** The server's log, as lines for people or as one JSON object per line. */
export const createLog = (options: LogOptions): WriteLog => {
  const { write, format, mask, now = () => new Date() } = options;
  const least = LOG_LEVELS.indexOf(options.level);
  const toLine = format === "json" ? jsonLine : textLine(options.colours);
  return (level, text, fields = {}) => {
    if (LOG_LEVELS.indexOf(level) < least) return;
    // A field that is not there says nothing.
    const known = Object.entries(fields).filter(([, value]) => value !== undefined);
    const shown = known.map(([name, value]) => [mask.hide(name), plain(value, { hide: mask.hide, within: [] })]);
    write(toLine({ time: now().toISOString(), level, msg: mask.hide(text), fields: Object.fromEntries(shown) }));
  };
};

type Json = Record<string, unknown>;
type Event = { time: string; level: LogLevel; msg: string; fields: Json };

// Deeper than anything that is logged on purpose, and longer than any sentence or stack.
const MAX_DEPTH = 6;
const MAX_ITEMS = 100;
const MAX_TEXT = 16 * 1024;

const shortened = (text: string): string =>
  text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}… (${text.length - MAX_TEXT} characters more)`;

/** A value as JSON can hold it, with every text in it masked: before it is encoded, so that the encoding stays whole. */
const plain = (value: unknown, context: { hide: (text: string) => string; within: readonly unknown[] }): unknown => {
  const { hide, within } = context;
  if (typeof value === "string") return shortened(hide(value));
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value !== "object") return hide(String(value));
  if (within.includes(value)) return "(itself)";
  if (within.length >= MAX_DEPTH) return "(deeper)";
  const inside = { hide, within: [...within, value] };
  if (value instanceof Error) return describeError(value, inside);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "(no date)" : value.toISOString();
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((item) => plain(item, inside));
  const entries = Object.entries(value).slice(0, MAX_ITEMS);
  return Object.fromEntries(entries.map(([name, item]) => [hide(name), plain(item, inside)]));
};

const describeError = (error: Error, inside: { hide: (text: string) => string; within: readonly unknown[] }): Json => ({
  name: error.name,
  message: shortened(inside.hide(error.message)),
  ...("code" in error && (typeof error.code === "string" || typeof error.code === "number")
    ? { code: plain(error.code, inside) }
    : {}),
  ...(error.stack === undefined ? {} : { stack: shortened(inside.hide(error.stack)) }),
  ...(error.cause === undefined ? {} : { cause: plain(error.cause, inside) }),
});

// What a terminal obeys, and what turns the direction of a text: a log line must show what is in it. JSON escapes the others.
const TERMINAL_CODES = /[^\P{Cc}\n]|[\u2028\u2029]|\p{Bidi_Control}/gu;
const INVISIBLE_IN_JSON = /\p{Cc}|[\u2028\u2029]|\p{Bidi_Control}/gu;
const escapeCode = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

const jsonLine = ({ fields, ...own }: Event): string =>
  // Ours win: a field must not pass for a time or a level.
  JSON.stringify({ ...own, ...fields, ...own }).replace(INVISIBLE_IN_JSON, escapeCode);

const COLOURS = { debug: 2, info: 0, warn: 33, error: 31 } as const satisfies Record<LogLevel, number>;
const MARKS = { debug: "debug: ", info: "", warn: "warning: ", error: "error: " } as const satisfies Record<LogLevel, string>;

/** One line, and below it, indented, what an error has in addition. */
const textLine = (colours: boolean) => {
  const paint = (code: number, text: string) => (colours && code !== 0 && text !== "" ? `\u001b[${code}m${text}\u001b[0m` : text);
  const safe = (text: string) => text.replace(TERMINAL_CODES, escapeCode).replaceAll("\n", "\n    ");
  return ({ time, level, msg, fields }: Event): string => {
    const shown = Object.entries(fields).map(([name, value]) => {
      const { text, below } = showField(value);
      return { text: `${safe(name)}=${safe(text)}`, below: below.map((part) => `\n    ${safe(part)}`).join("") };
    });
    const line = [
      paint(2, time.slice(11, 19)),
      paint(COLOURS[level], MARKS[level]) + safe(msg),
      paint(2, shown.map(({ text }) => text).join(" ")),
    ];
    return line.filter((part) => part !== "").join(" ") + shown.map(({ below }) => below).join("");
  };
};

const showField = (value: unknown): { text: string; below: string[] } => {
  if (typeof value === "string") return { text: value, below: [] };
  if (typeof value === "object" && value !== null && "message" in value && "stack" in value) {
    const cause = "cause" in value ? showField(value.cause) : null;
    const causes = cause === null ? [] : [`caused by: ${cause.text}`, ...cause.below];
    return { text: String(value.message), below: [String(value.stack), ...causes] };
  }
  return { text: JSON.stringify(value), below: [] };
};
