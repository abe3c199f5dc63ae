import { PLACES, type Place } from "./places.ts";

/** Every key of the page that is not the browser's own: what is shown on `?`, and all that there is. */
export const KEYS: readonly { group: string; keys: readonly { keys: readonly string[]; what: string }[] }[] = [
  {
    group: "Everywhere",
    keys: [
      { keys: ["Ctrl K"], what: "Search, go somewhere, or do something (⌘ K on a Mac)" },
      { keys: ["/"], what: "Search on this page; where there is no search, everywhere" },
      { keys: ["?"], what: "Show these keys" },
      { keys: ["Esc"], what: "Close what is open" },
    ],
  },
  {
    group: "In lists",
    keys: [
      { keys: ["j", "k"], what: "The next, the one before" },
      { keys: ["Enter"], what: "Open it" },
    ],
  },
  { group: "Go to", keys: PLACES.map(({ key, label }) => ({ keys: ["g", key], what: label })) },
];

export type KeyAction =
  | { kind: "go"; to: Place["to"] }
  | { kind: "row"; by: 1 | -1 }
  | { kind: "palette" }
  | { kind: "search" }
  | { kind: "help" }
  /** Another key is waited for. */
  | { kind: "prefix" };

export type KeyPress = {
  key: string;
  /** Ctrl or Cmd. */
  isCommand: boolean;
  isAlt: boolean;
  /** Whether a text is being written. */
  isTyping: boolean;
  /** When `g` was pressed last, and now, in milliseconds. */
  prefixAt: number | null;
  at: number;
};

const PREFIX_WITHIN_MS = 1000;

/** What a key means; null: nothing here. While somebody types, no key alone means anything. Pure. */
export const actionOf = ({ key, isCommand, isAlt, isTyping, prefixAt, at }: KeyPress): KeyAction | null => {
  if (isCommand) return key.toLowerCase() === "k" && !isAlt ? { kind: "palette" } : null;
  if (isAlt || isTyping) return null;
  if (prefixAt !== null && at - prefixAt < PREFIX_WITHIN_MS) {
    const place = PLACES.find((known) => known.key === key);
    if (place !== undefined) return { kind: "go", to: place.to };
  }
  switch (key) {
    case "g":
      return { kind: "prefix" };
    case "j":
      return { kind: "row", by: 1 };
    case "k":
      return { kind: "row", by: -1 };
    case "/":
      return { kind: "search" };
    case "?":
      return { kind: "help" };
    default:
      return null;
  }
};
