import { ChevronRight, Link2 } from "lucide-react";
import { IconButton } from "../../ui/button.tsx";
import { classes } from "../../ui/classes.ts";
import { CopyButton, copyText } from "../../ui/copy-button.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { FileCounts, FileMark } from "./marks.tsx";
import { noteOf, type ShownFile } from "./shown.ts";

type Props = {
  shown: ShownFile;
  isOpen: boolean;
  isViewed: boolean;
  /** What is said below the path beside what the patch says itself. */
  note: string | null;
  onToggle: (shown: ShownFile, open: boolean) => void;
  onViewed: (shown: ShownFile, viewed: boolean) => void;
  /** The address of the file on this page; null where it has none. */
  href: string | null;
};

/** The head of a file's changes; it stays in view as long as they are. */
export const FileHead = ({ shown, isOpen, isViewed, note, onToggle, onViewed, href }: Props) => {
  const toasts = useToasts();
  const { file } = shown;
  const notes = [note, noteOf(file)].filter((text) => text !== null).join(". ");
  return (
    <div className="flex h-11 w-full items-center gap-1 border-y border-line bg-hover pr-2 font-sans text-ink">
      <button
        type="button"
        aria-expanded={isOpen}
        onClick={() => onToggle(shown, !isOpen)}
        className="inset-ring-focus flex h-full min-w-0 flex-1 items-center gap-2 px-3 text-left text-xs font-medium"
      >
        <ChevronRight aria-hidden className={classes("size-3 shrink-0 text-ink-faint", isOpen && "rotate-90")} />
        <FileMark status={file.status} />
        <span className="flex min-w-0 flex-col">
          <span className="code truncate leading-4" title={file.path}>
            {file.path}
          </span>
          {notes !== "" && (
            <span className="truncate text-2xs font-normal text-ink-soft" title={notes}>
              {notes}
            </span>
          )}
        </span>
        <FileCounts file={file} />
      </button>
      <CopyButton text={() => file.path} label={`Copy the path ${file.path}`} className="max-sm:hidden" />
      {href !== null && (
        <IconButton
          label={`Copy a link to ${file.path}`}
          className="max-sm:hidden"
          onClick={() => copyText(href).then(() => toasts.ok("The link is copied."), toasts.error)}
        >
          <Link2 aria-hidden className="size-3.5" />
        </IconButton>
      )}
      <label className="flex h-6 shrink-0 items-center gap-1.5 rounded px-1.5 text-xs text-ink-soft hover:bg-surface">
        <input
          type="checkbox"
          aria-label={`Viewed ${file.path}`}
          checked={isViewed}
          onChange={({ target }) => onViewed(shown, target.checked)}
          className="size-4 accent-accent"
        />
        <span aria-hidden>Viewed</span>
      </label>
    </div>
  );
};
