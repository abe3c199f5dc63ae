import { FileText as FileIcon } from "lucide-react";
import { type ReactNode, useMemo } from "react";
import { CodePieces } from "../../code/code.tsx";
import type { HighlightedLines } from "../../code/highlight.ts";
import { languageOfPath } from "../../code/languages.ts";
import { useHighlighted } from "../../code/use-highlighted.ts";
import { EmptyState } from "../../ui/feedback.tsx";
import { VirtualRows } from "../../ui/virtual-rows.tsx";
import { LINE_MAX_CHARACTERS } from "./content.ts";

const ROW_PX = 20;

/** What a line of a file looks like: the one place where its text becomes elements. */
const lineContent = (line: string, pieces: HighlightedLines[number] | undefined): ReactNode =>
  line.length > LINE_MAX_CHARACTERS ? (
    <>
      {line.slice(0, LINE_MAX_CHARACTERS)}
      <span className="text-ink-faint"> … {(line.length - LINE_MAX_CHARACTERS).toLocaleString("en")} more characters</span>
    </>
  ) : (
    <CodePieces pieces={pieces} text={line} />
  );

/** The lines of a text file with their numbers, of which only those in view are drawn. Its colours come when they are there, if it is not too long. */
export const FileText = ({ name, path, lines }: { name: string; path: string; lines: readonly string[] }) => {
  const code = useMemo(() => lines.join("\n"), [lines]);
  const colored = useHighlighted(code, languageOfPath(path));
  if (lines.length === 0) return <EmptyState icon={FileIcon} title="The file is empty" />;
  const digits = String(lines.length).length;
  const longest = lines.reduce((most, line) => Math.max(most, line.length), 0);
  return (
    <VirtualRows
      label={`Content of ${name}`}
      count={lines.length}
      rowHeight={ROW_PX}
      minWidth={`calc(${Math.min(longest, LINE_MAX_CHARACTERS + 30) + digits}ch + 3rem)`}
      className="bg-surface"
      render={(index) => (
        <div className="code flex h-5 whitespace-pre">
          <span
            aria-hidden
            className="nums sticky left-0 shrink-0 border-r border-line bg-surface px-2 text-right text-ink-faint select-none"
            style={{ width: `calc(${digits}ch + 1.25rem)` }}
          >
            {index + 1}
          </span>
          <span className="pr-4 pl-3">{lineContent(lines[index] ?? "", colored?.[index])}</span>
        </div>
      )}
    />
  );
};
