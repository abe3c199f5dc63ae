import { z } from "zod";
import type { PatchFile, PatchLine } from "./patch.ts";

/** A line of a file: as it was before the run, or as it is now. */
export const Place = z.object({ side: z.enum(["old", "new"]), line: z.number().int().min(1) });
export type Place = z.infer<typeof Place>;

const QuotedLine = z.object({ mark: z.enum([" ", "+", "-"]), text: z.string() });
type QuotedLine = z.infer<typeof QuotedLine>;

/** What a person says about lines of a file, and those lines as they were then. */
export const Comment = z.object({
  id: z.string(),
  path: z.string(),
  from: Place,
  to: Place,
  quote: z.array(QuotedLine),
  text: z.string(),
});
export type Comment = z.infer<typeof Comment>;

/** Comments that wait to be sent; those in `open` are being written. */
export const Drafts = z.object({ comments: z.array(Comment), open: z.array(z.string()) });
export type Drafts = z.infer<typeof Drafts>;
export const NO_DRAFTS: Drafts = { comments: [], open: [] };

const MARK = { context: " ", added: "+", removed: "-" } as const;
/** So many lines of one comment are quoted to the agent, which can read the others in the file. */
const QUOTED_MAX = 40;
const QUOTED_LINE_MAX = 500;

const isAt = (line: PatchLine, { side, line: number }: Place): boolean =>
  (side === "old" ? line.oldLine : line.newLine) === number;

/** The place of a line: a removed one has none in the file as it is now. Pure. */
export const placeOf = (line: PatchLine): Place =>
  line.kind === "removed" || line.newLine === null
    ? { side: "old", line: line.oldLine ?? 1 }
    : { side: "new", line: line.newLine };

/** The lines between two places of a file, in order, both included; of one side alone when both are on it. Null: one is not there. Pure. */
export const linesBetween = ({ hunks }: Pick<PatchFile, "hunks">, one: Place, other: Place): PatchLine[] | null => {
  const lines = hunks.flatMap((hunk) => hunk.lines);
  const first = lines.findIndex((line) => isAt(line, one));
  const last = lines.findIndex((line) => isAt(line, other));
  if (first === -1 || last === -1) return null;
  const between = lines.slice(Math.min(first, last), Math.max(first, last) + 1);
  const hidden = one.side !== other.side ? null : one.side === "old" ? "added" : "removed";
  return between.filter(({ kind }) => kind !== hidden);
};

/** A new comment without a text about the lines between two places, in whatever order these are. Null: one is not there. Pure. */
export const beginComment = (file: PatchFile, range: { one: Place; other: Place }, id: string): Comment | null => {
  const { one, other } = range;
  const lines = linesBetween(file, one, other);
  const [first] = lines ?? [];
  if (lines === null || first === undefined) return null;
  const [from, to] = isAt(first, one) ? [one, other] : [other, one];
  return { id, path: file.path, from, to, quote: lines.map(({ kind, text }) => ({ mark: MARK[kind], text })), text: "" };
};

/** Whether the lines that a comment is about are still as they were when it was written. Pure. */
export const isCurrent = (comment: Comment, file: PatchFile | undefined): boolean => {
  const lines = file === undefined ? null : linesBetween(file, comment.from, comment.to);
  return (
    lines !== null &&
    lines.length === comment.quote.length &&
    lines.every(({ kind, text }, index) => comment.quote[index]?.mark === MARK[kind] && comment.quote[index]?.text === text)
  );
};

/** `line 3`, `lines 3 to 5`, `old line 3`, `old line 3 to new line 5`. Pure. */
export const describeLines = ({ from, to }: Pick<Comment, "from" | "to">): string => {
  if (from.side !== to.side) return `${from.side} line ${from.line} to ${to.side} line ${to.line}`;
  const before = from.side === "old" ? "old " : "";
  return from.line === to.line ? `${before}line ${from.line}` : `${before}lines ${from.line} to ${to.line}`;
};

const fenced = (lines: readonly string[]): string => {
  const longest = Math.max(2, ...lines.flatMap((line) => [...line.matchAll(/`+/g)].map(([ticks]) => ticks.length)));
  const fence = "`".repeat(longest + 1);
  return `${fence}diff\n${lines.join("\n")}\n${fence}`;
};

const quoteOf = (quote: readonly QuotedLine[]): string => {
  const shown = quote.slice(0, QUOTED_MAX).map(({ mark, text }) => {
    // What would end the line for some readers is no part of it here.
    const line = text.replaceAll(/[\r\n\u2028\u2029]/g, " ");
    return `${mark}${line.length > QUOTED_LINE_MAX ? `${line.slice(0, QUOTED_LINE_MAX)}…` : line}`;
  });
  const more = quote.length - shown.length;
  return fenced(more > 0 ? [...shown, `… and ${more} more lines`] : shown);
};

/** The comments as one message to the agent. The order is that of the list; a path is written as a JSON string, since it may hold anything. Pure. */
export const commentsMessage = (comments: readonly Comment[]): string => {
  const many = comments.length > 1;
  const isOld = comments.some(({ from, to }) => from.side === "old" || to.side === "old");
  const head = [
    `I have read your changes and have ${many ? `${comments.length} comments` : "a comment"} on them. Do what ${many ? "each" : "it"} asks for, and commit what you change. Where you do not do it, say why in your last words.`,
    ...(isOld ? ["Numbers of old lines are those of the file as it was before your changes."] : []),
  ].join(" ");
  return [
    head,
    ...comments.map((comment, index) =>
      [
        `${many ? `${index + 1}. ` : ""}${JSON.stringify(comment.path)}, ${describeLines(comment)}:`,
        quoteOf(comment.quote),
        comment.text.trim(),
      ].join("\n\n"),
    ),
  ].join("\n\n");
};
