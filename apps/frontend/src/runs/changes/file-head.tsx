import type { RunId } from "@ccr/protocol";
import { Link } from "@tanstack/react-router";
import { ChevronRight, FileInput, FoldVertical, Link2, UnfoldVertical } from "lucide-react";
import { buttonClasses, IconButton } from "../../ui/button.tsx";
import { classes } from "../../ui/classes.ts";
import { CopyButton, copyText } from "../../ui/copy-button.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { FileCounts, FileMark } from "./marks.tsx";
import { noteOf, type ShownFile } from "./shown.ts";
import type { Hidden } from "./use-whole.ts";

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
  /** How it stands with the lines between the changes. */
  hidden: Hidden;
  onWhole: (shown: ShownFile, isWhole: boolean) => void;
  /** The run among whose files it can be seen as it is now; null: it is not there, or cannot be shown from here. */
  openIn: RunId | null;
};

/** Shows the lines between the changes, and hides them again. */
const WholeButton = ({ shown, hidden, onWhole }: Pick<Props, "shown" | "hidden" | "onWhole">) => {
  if (hidden.kind === "none") return null;
  const isWhole = hidden.kind === "shown";
  const Icon = isWhole ? FoldVertical : UnfoldVertical;
  return (
    <IconButton
      label={isWhole ? `Show only the changes of ${shown.file.path}` : `Show all lines of ${shown.file.path}`}
      busy={hidden.kind === "loading"}
      onClick={() => onWhole(shown, !isWhole)}
    >
      {hidden.kind !== "loading" && <Icon aria-hidden className="size-3.5" />}
    </IconButton>
  );
};

/** The head of a file's changes; it stays in view as long as they are. */
export const FileHead = ({ shown, isOpen, isViewed, note, onToggle, onViewed, href, hidden, onWhole, openIn }: Props) => {
  const toasts = useToasts();
  const { file } = shown;
  const notes = [hidden.kind === "failed" ? hidden.why : null, note, noteOf(file)].filter((text) => text !== null).join(". ");
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
      {isOpen && <WholeButton shown={shown} hidden={hidden} onWhole={onWhole} />}
      {openIn !== null && (
        <Link
          to="/runs/$runId"
          params={{ runId: openIn }}
          search={{ tab: "files", file: file.path }}
          aria-label={`Open the file ${file.path}`}
          title="Open the file"
          className={classes(buttonClasses("ghost", "icon"), "max-sm:hidden")}
        >
          <FileInput aria-hidden className="size-3.5" />
        </Link>
      )}
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
