import { PLACES, type Place } from "./places.ts";

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
