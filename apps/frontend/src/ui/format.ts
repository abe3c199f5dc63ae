import { timeStyle } from "./appearance.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A span of time for people, two units at most: `340 ms`, `2.4 s`, `1 m 05 s`, `3 h 07 m`, `2 d 4 h`. Negative spans count as none. */
export const formatDuration = (ms: number): string => {
  const span = Math.max(0, ms);
  if (span < SECOND - 0.5) return `${Math.round(span)} ms`;
  if (span < 9950) return `${(span / SECOND).toFixed(1)} s`;
  return formatElapsed(Math.round(span / SECOND) * SECOND);
};

/** Like `formatDuration`, in whole seconds, for a clock that ticks: `0 s`, `59 s`, `1 m 05 s`. */
export const formatElapsed = (ms: number): string => {
  const span = Math.max(0, ms);
  const pad = (value: number): string => String(value).padStart(2, "0");
  if (span < MINUTE) return `${Math.floor(span / SECOND)} s`;
  if (span < HOUR) return `${Math.floor(span / MINUTE)} m ${pad(Math.floor((span % MINUTE) / SECOND))} s`;
  if (span < DAY) return `${Math.floor(span / HOUR)} h ${pad(Math.floor((span % HOUR) / MINUTE))} m`;
  return `${Math.floor(span / DAY)} d ${Math.floor((span % DAY) / HOUR)} h`;
};

/** US dollars; what is more than nothing is never shown as nothing: `$0.00`, `<$0.01`, `$1.20`, `$1,204`. */
export const formatCost = (usd: number): string => {
  if (usd <= 0) return "$0.00";
  if (usd < 0.01) return "<$0.01";
  return usd < 1000 ? `$${usd.toFixed(2)}` : `$${Math.round(usd).toLocaleString("en")}`;
};

const shorten = (value: number, base: number, units: readonly string[]): string => {
  let rest = Math.max(0, value);
  let unit = 0;
  // 999.5 rounds to 1000, which belongs to the next unit.
  while (rest >= (unit === 0 ? base : base - 0.5) && unit < units.length - 1) {
    rest /= base;
    unit += 1;
  }
  const digits = unit === 0 ? String(Math.round(rest)) : rest < 9.95 ? rest.toFixed(1) : String(Math.round(rest));
  return `${digits}${units[unit] ?? ""}`;
};

/** A count in few characters: `950`, `1.2k`, `34k`, `1.2M`. */
export const formatCount = (value: number): string => shorten(value, 1000, ["", "k", "M", "G"]);

/** A size in few characters, 1 KB being 1,024 bytes: `0 B`, `1.5 KB`, `12 MB`. */
export const formatBytes = (bytes: number): string => shorten(bytes, 1024, [" B", " KB", " MB", " GB", " TB"]);

/** How long ago a moment is: `just now`, `4 min ago`, `3 h ago`, `2 days ago`, then the date in the reader's own zone unless another was chosen. */
export const formatAgo = (at: string, now: number): string => {
  const passed = now - Date.parse(at);
  if (passed < 45 * SECOND) return "just now";
  if (passed < HOUR) return `${Math.max(1, Math.round(passed / MINUTE))} min ago`;
  if (passed < DAY) return `${Math.round(passed / HOUR)} h ago`;
  if (passed < 7 * DAY) return Math.round(passed / DAY) === 1 ? "1 day ago" : `${Math.round(passed / DAY)} days ago`;
  return formatIn({ year: "numeric", month: "short", day: "numeric" }).format(Date.parse(at));
};

// Making one takes far longer than using it, and a list that scrolls uses them all the time.
const made = new Map<string, Intl.DateTimeFormat>();
const formatIn = (options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat => {
  const all = { ...options, ...timeStyle() };
  const key = JSON.stringify(all);
  const known = made.get(key);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat(undefined, all);
  made.set(key, format);
  return format;
};
const NUMBER = new Intl.NumberFormat("en");

/** The time of day of a moment, to the second, in the reader's own zone unless another was chosen. */
export const formatClock = (at: string): string =>
  formatIn({ hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false }).format(Date.parse(at));

/** A moment in full, in the reader's own zone unless another was chosen. */
export const formatMoment = (at: string): string => formatIn({ dateStyle: "medium", timeStyle: "medium" }).format(Date.parse(at));

/** A day in few words, with its day of the week, in the same zone: `Fri, Nov 27`. */
export const formatDay = (at: string): string =>
  formatIn({ weekday: "short", month: "short", day: "numeric" }).format(Date.parse(at));

/** `1 step`, `3 steps`. */
export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${NUMBER.format(count)} ${count === 1 ? one : many}`;
