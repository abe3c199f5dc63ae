import type { ToolEntry } from "../../entries/entry.ts";
import { isRecord, listOf, numberOf, recordOf, textOf } from "../../entries/json.ts";

export type NotebookCell = { id: string; isCode: boolean; source: string; language: string; output: string };

/** What reading a file gave. */
export type ReadResult =
  | { kind: "code"; code: string; firstLine: number; lineCount: number; totalLines: number | null }
  | { kind: "notebook"; cells: readonly NotebookCell[] }
  | { kind: "document"; facts: readonly string[]; bytes: number | null }
  /** Something else, or a failure: its words are all there is. */
  | { kind: "words" };

/** A line as `Read` gives it to the model: the number, a tab or an arrow, the text. */
const NUMBERED = /^ *(\d+)(?:\t|→)(.*)$/;

const fromWords = (text: string): ReadResult => {
  const lines = text.split("\n");
  const code: string[] = [];
  let first: number | null = null;
  for (const line of lines) {
    const [, number, rest] = NUMBERED.exec(line) ?? [];
    // What follows the lines, such as a reminder for the model, is not of the file.
    if (number === undefined || rest === undefined) break;
    first ??= Number(number);
    code.push(rest);
  }
  if (first === null) return { kind: "words" };
  return { kind: "code", code: code.join("\n"), firstLine: first, lineCount: code.length, totalLines: null };
};

const textOfOutput = (output: unknown): string => {
  const { text, data, ename, evalue } = recordOf(output);
  return (
    textOf(text) ?? textOf(recordOf(data)["text/plain"]) ?? [ename, evalue].filter((part) => typeof part === "string").join(": ")
  );
};

const cellOf = (value: unknown, index: number): NotebookCell => {
  const cell = recordOf(value);
  const source = Array.isArray(cell.source) ? cell.source.join("") : (textOf(cell.source) ?? "");
  return {
    id: textOf(cell.cell_id) ?? textOf(cell.id) ?? String(index + 1),
    isCode: (textOf(cell.cellType) ?? textOf(cell.cell_type)) !== "markdown",
    source,
    language: textOf(cell.language) ?? "python",
    output: listOf(cell.outputs).map(textOfOutput).join("\n").trimEnd(),
  };
};

/** Reads the result of `Read`, from Claude Code's own form of it where there is one. Pure. */
export const readFileResult = ({ result }: ToolEntry): ReadResult => {
  if (result === null || result.isError) return { kind: "words" };
  const structured = recordOf(result.structured);
  const file = recordOf(structured.file);
  switch (structured.type) {
    case "text": {
      const code = textOf(file.content);
      if (code === null) return fromWords(result.text);
      const lines = code.replace(/\n$/, "");
      return {
        kind: "code",
        code: lines,
        firstLine: numberOf(file.startLine) ?? 1,
        lineCount: lines.split("\n").length,
        totalLines: numberOf(file.totalLines),
      };
    }
    case "notebook":
      return { kind: "notebook", cells: listOf(file.cells).filter(isRecord).map(cellOf) };
    case "pdf":
    case "parts": {
      const count = numberOf(file.count);
      return { kind: "document", facts: count === null ? [] : [`${count} pages`], bytes: numberOf(file.originalSize) };
    }
    case "image":
      return { kind: "words" };
    default:
      return fromWords(result.text);
  }
};
