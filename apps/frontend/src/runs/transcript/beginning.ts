const CHARACTERS_MAX = 1200;
const LINES_MAX = 16;

/** The beginning of a text that is too long to be shown unasked, cut between words or lines; null when all of it is short enough. */
export const beginningOf = (text: string): string | null => {
  const lines = text.trim().split("\n");
  if (text.length <= CHARACTERS_MAX && lines.length <= LINES_MAX) return null;
  const head = lines.slice(0, LINES_MAX).join("\n").trim();
  if (head.length <= CHARACTERS_MAX) return head;
  return head.slice(0, CHARACTERS_MAX).replace(/\s\S*$/, "");
};
