export type OutputView = { head: string; hidden: number; tail: string; total: number };

/** Beyond this the page would stand still: the rest is in the copy and in the raw view. */
export const OPEN_LINES_MAX = 5000;
const LINE_MAX = 4000;

const shorten = (line: string): string =>
  line.length > LINE_MAX ? `${line.slice(0, LINE_MAX)} … (${line.length - LINE_MAX} more characters)` : line;

/** The beginning and the end of an output, and how many lines between them are left out. */
export const viewOutput = (text: string, open: boolean, lines = 12): OutputView => {
  const all = text.replace(/\n+$/, "").split("\n");
  const most = open ? OPEN_LINES_MAX : lines;
  // Hiding two lines would cost as much room as showing them.
  if (all.length <= most + 2) return { head: all.map(shorten).join("\n"), hidden: 0, tail: "", total: all.length };
  const headCount = Math.ceil(most / 3);
  const tailCount = most - headCount;
  return {
    head: all.slice(0, headCount).map(shorten).join("\n"),
    hidden: all.length - most,
    tail: all.slice(-tailCount).map(shorten).join("\n"),
    total: all.length,
  };
};
