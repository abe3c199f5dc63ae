/** What keys do while the changes have the focus. */
export type KeyAct =
  | { kind: "line"; direction: 1 | -1; isRange: boolean }
  | { kind: "change" | "file"; direction: 1 | -1 }
  | { kind: "comment" | "viewed" | "fold" | "unchoose" };

/** The keys, for people. */
export const KEYS: readonly { keys: readonly string[]; does: string }[] = [
  { keys: ["n", "p"], does: "next and previous change" },
  { keys: ["]", "["], does: "next and previous file" },
  { keys: ["j", "k"], does: "line below and above" },
  { keys: ["J", "K"], does: "choose more lines" },
  { keys: ["c"], does: "comment on the chosen lines" },
  { keys: ["v"], does: "mark the file as viewed" },
  { keys: ["o"], does: "open or close the file" },
  { keys: ["Esc"], does: "choose no line" },
];

const ACTS: Readonly<Record<string, KeyAct>> = {
  n: { kind: "change", direction: 1 },
  p: { kind: "change", direction: -1 },
  "]": { kind: "file", direction: 1 },
  "[": { kind: "file", direction: -1 },
  j: { kind: "line", direction: 1, isRange: false },
  k: { kind: "line", direction: -1, isRange: false },
  J: { kind: "line", direction: 1, isRange: true },
  K: { kind: "line", direction: -1, isRange: true },
  c: { kind: "comment" },
  v: { kind: "viewed" },
  o: { kind: "fold" },
  Escape: { kind: "unchoose" },
};

/** What a key is to do; null: nothing here. Keys with Ctrl, Alt or Meta are the browser's. Pure. */
export const actOf = (event: { key: string; ctrlKey: boolean; altKey: boolean; metaKey: boolean }): KeyAct | null =>
  event.ctrlKey || event.altKey || event.metaKey ? null : (ACTS[event.key] ?? null);
