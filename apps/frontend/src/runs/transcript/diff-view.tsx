import { CodePieces } from "../../code/code.tsx";
import type { Language } from "../../code/languages.ts";
import { useHighlightedDiff } from "../../code/use-highlighted-diff.ts";
import { classes } from "../../ui/classes.ts";
import { plural } from "../../ui/format.ts";
import type { PatchLine } from "../changes/patch.ts";
import type { Folds } from "../page/use-run-stream.ts";
import { MoreButton } from "./more-button.tsx";
import { OPEN_LINES_MAX } from "./output-lines.ts";

const ROW = { context: "", added: "bg-added", removed: "bg-removed" } as const;
const GUTTER = {
  context: "text-ink-faint",
  added: "bg-added-gutter text-ink-soft",
  removed: "bg-removed-gutter text-ink-soft",
} as const;
const MARK = { context: " ", added: "+", removed: "-" } as const;
const SAYS = { context: "", added: "added: ", removed: "removed: " } as const;

/** A longer diff in the transcript is folded. */
const LINES = 40;

const Gutter = ({ line, kind }: { line: number | null; kind: PatchLine["kind"] }) => (
  <span
    aria-hidden
    className={classes("nums w-8 shrink-0 pr-1.5 sm:w-11 text-right text-2xs leading-5 select-none", GUTTER[kind])}
  >
    {line}
  </span>
);

/** Whether something was left out between two lines of a diff. */
const isGap = (before: PatchLine | undefined, line: PatchLine): boolean => {
  if (before === undefined) return false;
  if (line.oldLine !== null && before.oldLine !== null) return line.oldLine > before.oldLine + 1;
  return line.newLine !== null && before.newLine !== null && line.newLine > before.newLine + 1;
};

/** What an edit changed, line by line, in colours; the changes of a whole run have a view of their own. */
export const DiffView = ({
  lines,
  language,
  label,
  foldKey,
  folds,
}: {
  lines: readonly PatchLine[];
  language: Language | null;
  label: string;
  foldKey: string;
  folds: Folds;
}) => {
  const open = folds.isOpen(foldKey);
  const pieces = useHighlightedDiff(lines, language);
  const canFold = lines.length > LINES + 2;
  const shown = lines.slice(0, canFold && !open ? LINES : OPEN_LINES_MAX);
  const hasOld = lines.some(({ oldLine }) => oldLine !== null);
  return (
    <div className="flex flex-col gap-1">
      <section
        aria-label={label}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
        tabIndex={0}
        className="inset-ring-focus max-h-[70vh] overflow-auto rounded-lg border border-line bg-surface py-1"
      >
        <div className="code w-max min-w-full">
          {shown.map((line, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the lines of one diff never change
            <div key={index}>
              {isGap(shown[index - 1], line) && <div className="my-1 border-t border-dashed border-line" />}
              <div className={classes("flex h-5 whitespace-pre", ROW[line.kind])}>
                {hasOld && <Gutter line={line.oldLine} kind={line.kind} />}
                <Gutter line={line.newLine} kind={line.kind} />
                <span aria-hidden className="w-5 shrink-0 text-center text-ink-soft select-none">
                  {MARK[line.kind]}
                </span>
                <span className="pr-4">
                  <span className="sr-only">{SAYS[line.kind]}</span>
                  <CodePieces pieces={pieces[index]} text={line.text.replace(/\r$/, "␍")} />
                  {line.noNewline && (
                    <span className="text-ink-faint select-none" title="No newline at the end of the file">
                      {" "}
                      ⏎̸
                    </span>
                  )}
                </span>
              </div>
            </div>
          ))}
        </div>
      </section>
      {canFold && <MoreButton foldKey={foldKey} folds={folds} all={`Show all ${plural(lines.length, "line")}`} />}
    </div>
  );
};
