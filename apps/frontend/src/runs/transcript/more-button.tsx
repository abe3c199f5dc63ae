import type { Folds } from "../page/use-run-stream.ts";

/** Shows all of something of which a part is shown, and back. */
export const MoreButton = ({
  foldKey,
  folds,
  all,
  less = "Show less",
}: {
  foldKey: string;
  folds: Folds;
  all: string;
  less?: string;
}) => {
  const open = folds.isOpen(foldKey);
  return (
    <button
      type="button"
      aria-expanded={open}
      onClick={() => folds.set(foldKey, !open)}
      className="min-h-6 self-start rounded px-1 text-xs font-medium text-accent hover:underline"
    >
      {open ? less : all}
    </button>
  );
};
