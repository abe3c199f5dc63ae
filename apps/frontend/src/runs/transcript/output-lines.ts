/** `isCut`: a line is longer than what is shown of it. */
export type OutputView = { head: string; hidden: number; tail: string; total: number; isCut: boolean };

/** Beyond this the page would stand still: the rest is in the copy and in the raw view. */
export const OPEN_LINES_MAX = 5000;
/** So much of a line is shown before the output is opened, and at least and at most afterwards. */
const CLOSED_LINE_MAX = 800;
const OPEN_LINE_MIN = 400;
const OPEN_LINE_MAX = 20_000;
/** So much of an opened output is shown in all, shared by its lines. */
const OPEN_MAX = 1_000_000;

const shorten = (line: string, most: number): string =>
  line.length > most ? `${line.slice(0, most)} … (${line.length - most} more characters)` : line;

/** The beginning and the end of an output, and how many lines between them are left out. */
export const viewOutput = (text: string, open: boolean, lines = 12): OutputView => {
  const all = text.replace(/\n+$/, "").split("\n");
  const most = open ? OPEN_LINES_MAX : lines;
  const share = Math.floor(OPEN_MAX / Math.min(all.length, OPEN_LINES_MAX));
  const lineMax = open ? Math.min(OPEN_LINE_MAX, Math.max(OPEN_LINE_MIN, share)) : CLOSED_LINE_MAX;
  const joined = (some: readonly string[]): string => some.map((line) => shorten(line, lineMax)).join("\n");
  const isCut = all.some(({ length }) => length > CLOSED_LINE_MAX);
  // Hiding two lines would cost as much room as showing them.
  if (all.length <= most + 2) return { head: joined(all), hidden: 0, tail: "", total: all.length, isCut };
  const headCount = Math.ceil(most / 3);
  const tailCount = most - headCount;
  return {
    head: joined(all.slice(0, headCount)),
    hidden: all.length - most,
    tail: joined(all.slice(-tailCount)),
    total: all.length,
    isCut,
  };
};
