import type { Folds } from "../page/use-run-stream.ts";
import { beginningOf } from "./beginning.ts";
import { InlineMarkdown } from "./inline-markdown.tsx";

/** A text with its lines as written; of a long one the beginning, until all of it is asked for. */
export const LongText = ({ text, foldKey, folds }: { text: string; foldKey: string; folds: Folds }) => {
  const beginning = beginningOf(text);
  const open = folds.isOpen(foldKey);
  return (
    <div>
      <p className="whitespace-pre-wrap [overflow-wrap:anywhere]">
        <InlineMarkdown text={open || beginning === null ? text.trim() : `${beginning} …`} />
      </p>
      {beginning !== null && (
        <button
          type="button"
          aria-expanded={open}
          onClick={() => folds.set(foldKey, !open)}
          className="rounded text-xs font-medium text-accent hover:underline"
        >
          {open ? "Show less" : "Show all of it"}
        </button>
      )}
    </div>
  );
};
