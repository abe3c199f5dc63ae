import { languageNamed, languageOfPath } from "../../../code/languages.ts";
import { formatBytes } from "../../../ui/format.ts";
import { textOf } from "../../entries/json.ts";
import { Markdown } from "../markdown.tsx";
import { NumberedCode } from "../numbered-code.tsx";
import { Output } from "../output.tsx";
import { Pictures } from "../picture.tsx";
import { type NotebookCell, readFileResult } from "./read-result.ts";
import { Result, type ToolProps } from "./result.tsx";

const Cell = ({ cell, foldKey, folds }: { cell: NotebookCell; foldKey: string; folds: ToolProps["folds"] }) => (
  <li className="flex flex-col gap-1">
    <p className="text-xs text-ink-faint">
      {cell.isCode ? "Code" : "Text"}, cell {cell.id}
    </p>
    {cell.isCode ? (
      <NumberedCode
        code={cell.source}
        language={languageNamed(cell.language)}
        firstLine={1}
        label={`Cell ${cell.id}`}
        foldKey={foldKey}
        folds={folds}
      />
    ) : (
      <div className="rounded-lg border border-line px-3 py-2">
        <Markdown text={cell.source} />
      </div>
    )}
    {cell.output !== "" && <Output text={cell.output} foldKey={`${foldKey}:out`} folds={folds} label="Output of the cell" />}
  </li>
);

/** A file that was read: its lines, its cells, its images. */
export const ReadBody = ({ entry, folds }: ToolProps) => {
  const { key, input, result } = entry;
  const path = textOf(input.file_path) ?? textOf(input.notebook_path) ?? "";
  const read = readFileResult(entry);
  switch (read.kind) {
    case "code":
      return (
        <NumberedCode
          code={read.code}
          language={languageOfPath(path)}
          firstLine={read.firstLine}
          label={`What ${path} holds`}
          foldKey={`${key}:out`}
          folds={folds}
        />
      );
    case "notebook":
      return (
        <ol aria-label="Cells" className="flex flex-col gap-3">
          {read.cells.map((cell, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the cells of one result never move
            <Cell key={index} cell={cell} foldKey={`${key}:cell${index}`} folds={folds} />
          ))}
        </ol>
      );
    case "document": {
      const facts = [...read.facts, ...(read.bytes === null ? [] : [formatBytes(read.bytes)])];
      return (
        <div className="flex flex-col gap-2">
          <p className="text-ink-soft">
            A PDF{facts.length === 0 ? "" : `: ${facts.join(", ")}`}. Claude Code read its pages; they are not drawn here.
          </p>
          <Pictures pictures={result?.images ?? []} label="Page" />
        </div>
      );
    }
    case "words":
      return <Result entry={entry} folds={folds} label="What was read" />;
  }
};
