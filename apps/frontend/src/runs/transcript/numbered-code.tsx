import { memo } from "react";
import { CodePieces } from "../../code/code.tsx";
import type { Language } from "../../code/languages.ts";
import { useHighlighted } from "../../code/use-highlighted.ts";
import { CopyButton } from "../../ui/copy-button.tsx";
import { plural } from "../../ui/format.ts";
import type { Folds } from "../page/use-run-stream.ts";
import { MoreButton } from "./more-button.tsx";
import { OPEN_LINES_MAX } from "./output-lines.ts";

const LINES = 30;

const Lines = memo(
  ({ code, language, firstLine, count }: { code: string; language: Language | null; firstLine: number; count: number }) => {
    const pieces = useHighlighted(code, language);
    return code
      .split("\n")
      .slice(0, count)
      .map((text, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines of one text never move
        <div key={index} className="flex min-h-5">
          <span
            aria-hidden
            className="nums w-9 shrink-0 pr-2 sm:w-11 sm:pr-2.5 text-right text-2xs leading-5 text-ink-faint select-none"
          >
            {firstLine + index}
          </span>
          <code className="pr-4 whitespace-pre">
            <CodePieces pieces={pieces?.[index]} text={text} />
          </code>
        </div>
      ));
  },
);

/** Lines of a file with their numbers, in colours; of many the first, until all are asked for. */
export const NumberedCode = ({
  code,
  language,
  firstLine,
  label,
  foldKey,
  folds,
}: {
  code: string;
  language: Language | null;
  firstLine: number;
  label: string;
  foldKey: string;
  folds: Folds;
}) => {
  const total = code.split("\n").length;
  const open = folds.isOpen(foldKey);
  const canFold = total > LINES + 2;
  return (
    <div className="flex flex-col gap-1">
      <div className="relative rounded-lg border border-line bg-sunken">
        <section
          aria-label={label}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
          tabIndex={0}
          className="inset-ring-focus max-h-[70vh] overflow-auto rounded-lg py-2"
        >
          <div className="code w-max min-w-full">
            <Lines code={code} language={language} firstLine={firstLine} count={canFold && !open ? LINES : OPEN_LINES_MAX} />
          </div>
        </section>
        <span className="absolute top-1 right-1 rounded-md bg-sunken">
          <CopyButton text={() => code} label="Copy the code" />
        </span>
      </div>
      {canFold && <MoreButton foldKey={foldKey} folds={folds} all={`Show all ${plural(total, "line")}`} />}
      {open && total > OPEN_LINES_MAX && (
        <p className="text-xs text-ink-faint">
          The first {OPEN_LINES_MAX.toLocaleString("en")} lines are shown; the copy has all of them.
        </p>
      )}
    </div>
  );
};
