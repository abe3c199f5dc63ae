import { KEYS as OF_CHANGES } from "../runs/changes/keys.ts";
import { PLACES } from "./places.ts";

type KeyGroup = { group: string; keys: readonly { keys: readonly string[]; what: string }[] };

/** Every key of the page that is not the browser's own, by where it works: what is shown on `?`, and all that there is. */
export const KEYS: readonly KeyGroup[] = [
  {
    group: "Everywhere",
    keys: [
      { keys: ["Ctrl K"], what: "Search, go somewhere, or do something (⌘ K on a Mac)" },
      { keys: ["/"], what: "Search on this page; where there is no search, everywhere" },
      { keys: ["?"], what: "Show these keys" },
      { keys: ["Esc"], what: "Close what is open" },
    ],
  },
  { group: "Go to", keys: PLACES.map(({ key, label }) => ({ keys: ["g", key], what: label })) },
  {
    group: "In lists",
    keys: [
      { keys: ["j", "k"], what: "The next, the one before" },
      { keys: ["Enter"], what: "Open it" },
    ],
  },
  {
    group: "While you write",
    keys: [
      { keys: ["Ctrl Enter"], what: "Send it, start the run, or keep the comment (⌘ Enter on a Mac)" },
      { keys: ["Ctrl Shift Enter"], what: "Interrupt Claude Code, and send it" },
      { keys: ["Alt ↑", "Alt ↓"], what: "Move a task’s step up, down" },
    ],
  },
  {
    group: "In a transcript",
    keys: [
      { keys: ["/", "Ctrl F"], what: "Find in it" },
      { keys: ["Enter", "Shift Enter"], what: "While finding: the next, the one before" },
      { keys: ["n", "p"], what: "The next error, the one before" },
      { keys: ["j", "k"], what: "The next entry, the one before" },
    ],
  },
  {
    group: "In changes",
    keys: OF_CHANGES.map(({ keys, does }) => ({ keys, what: does.charAt(0).toUpperCase() + does.slice(1) })),
  },
  {
    group: "In a tree of files",
    keys: [
      { keys: ["↑", "↓"], what: "The row above, below" },
      { keys: ["→", "←"], what: "Open, close a folder" },
      { keys: ["Enter"], what: "Open it" },
    ],
  },
  {
    group: "In a terminal",
    keys: [
      { keys: ["Ctrl ."], what: "Leave it: all other keys are the shell’s" },
      { keys: ["Ctrl C"], what: "Copy what is marked; with nothing marked, interrupt" },
      { keys: ["Ctrl V"], what: "Paste" },
    ],
  },
];
