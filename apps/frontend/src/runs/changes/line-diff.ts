import type { PatchLine } from "./patch.ts";

/** Above this many pairs of lines the middle is shown as one replacement: the table of common lines would cost too much. */
const PAIRS_MAX = 250_000;

type Mark = { kind: PatchLine["kind"]; text: string };

const markMiddle = (before: readonly string[], after: readonly string[]): Mark[] => {
  const removed = (text: string): Mark => ({ kind: "removed", text });
  const added = (text: string): Mark => ({ kind: "added", text });
  if (before.length * after.length > PAIRS_MAX) return [...before.map(removed), ...after.map(added)];
  const width = after.length + 1;
  // Length of the longest common subsequence of what follows each pair of places.
  const common = new Uint32Array((before.length + 1) * width);
  const at = (i: number, j: number): number => common[i * width + j] ?? 0;
  for (let i = before.length - 1; i >= 0; i -= 1) {
    for (let j = after.length - 1; j >= 0; j -= 1) {
      common[i * width + j] = before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const marks: Mark[] = [];
  let i = 0;
  let j = 0;
  while (i < before.length || j < after.length) {
    const left = before[i];
    const right = after[j];
    if (left !== undefined && left === right) {
      marks.push({ kind: "context", text: left });
      i += 1;
      j += 1;
    } else if (left !== undefined && (right === undefined || at(i + 1, j) >= at(i, j + 1))) {
      marks.push(removed(left));
      i += 1;
    } else if (right !== undefined) {
      marks.push(added(right));
      j += 1;
    }
  }
  return marks;
};

/** The lines of both; the newline that ends each of them begins no line. */
const linesOf = (before: string, after: string): [string[], string[]] => {
  const ended = [before, after].every((text) => text === "" || text.endsWith("\n"));
  const split = (text: string): string[] => (text === "" ? [] : (ended ? text.slice(0, -1) : text).split("\n"));
  return [split(before), split(after)];
};

/** The lines of two texts, told apart, numbered from 1 in each, with at most `context` unchanged lines around what changed. */
export const diffLines = (before: string, after: string, context = 3): readonly PatchLine[] => {
  const [left, right] = linesOf(before, after);
  let head = 0;
  while (head < left.length && head < right.length && left[head] === right[head]) head += 1;
  let tail = 0;
  while (tail < left.length - head && tail < right.length - head && left.at(-1 - tail) === right.at(-1 - tail)) tail += 1;
  const same = (text: string): Mark => ({ kind: "context", text });
  const marks = [
    ...left.slice(0, head).map(same),
    ...markMiddle(left.slice(head, left.length - tail), right.slice(head, right.length - tail)),
    ...left.slice(left.length - tail).map(same),
  ];
  let oldLine = 0;
  let newLine = 0;
  const lines = marks.map(({ kind, text }): PatchLine => {
    if (kind !== "added") oldLine += 1;
    if (kind !== "removed") newLine += 1;
    return {
      kind,
      text,
      oldLine: kind === "added" ? null : oldLine,
      newLine: kind === "removed" ? null : newLine,
      noNewline: false,
    };
  });
  const changed = lines.flatMap(({ kind }, index) => (kind === "context" ? [] : [index]));
  const first = changed[0];
  const last = changed.at(-1);
  if (first === undefined || last === undefined) return [];
  return lines.slice(Math.max(0, first - context), last + context + 1);
};
