/** What a key means to a page with a terminal in it. `pass`: nothing but itself, for the terminal. */
export type KeyMeaning = "pass" | "leave" | "copy" | "browser";

type Key = Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">;

/**
 * Every key goes to the shell, Tab and Esc too, but for those without which a page cannot be used: Ctrl+. leaves the terminal, which no program in one
 * is ever told of; the keys for copying copy what is marked, and those for pasting are the browser's. Pure.
 */
export const meaningOf = (key: Key, { isMarked }: { isMarked: boolean }): KeyMeaning => {
  if (!key.ctrlKey || key.altKey || key.metaKey) return "pass";
  const letter = key.key.toLowerCase();
  if (letter === ".") return "leave";
  if (letter === "c" && (isMarked || key.shiftKey)) return isMarked ? "copy" : "browser";
  return letter === "v" ? "browser" : "pass";
};
