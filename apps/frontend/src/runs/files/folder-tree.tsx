import { useVirtualizer } from "@tanstack/react-virtual";
import { ChevronRight, CornerUpRight, File, FileQuestion, Folder, FolderOpen, type LucideIcon } from "lucide-react";
import { type KeyboardEvent, useEffect, useId, useLayoutEffect, useRef, useState } from "react";
import { classes } from "../../ui/classes.ts";
import { formatBytes } from "../../ui/format.ts";
import { shownName } from "./names.ts";
import { type Change, stepOf, type TreeRow } from "./tree.ts";

const ROW_PX = 26;

const MARKS: Record<Change, { mark: string; name: string; tone: string }> = {
  added: { mark: "A", name: "added", tone: "text-ok" },
  modified: { mark: "M", name: "modified", tone: "text-warn" },
  deleted: { mark: "D", name: "deleted", tone: "text-bad" },
  renamed: { mark: "R", name: "renamed", tone: "text-accent" },
  copied: { mark: "C", name: "copied", tone: "text-accent" },
  type_changed: { mark: "T", name: "type changed", tone: "text-warn" },
  inside: { mark: "•", name: "has changes", tone: "text-warn" },
};

const iconOf = (row: Extract<TreeRow, { kind: "entry" }>): LucideIcon => {
  switch (row.entry.kind) {
    case "folder":
      return row.isOpen ? FolderOpen : Folder;
    case "link":
      return CornerUpRight;
    case "file":
      return File;
    case "other":
      return FileQuestion;
  }
};

const Entry = ({ row }: { row: Extract<TreeRow, { kind: "entry" }> }) => {
  const { entry, isOpen, change } = row;
  const Icon = iconOf(row);
  const mark = change === null ? null : MARKS[change];
  return (
    <>
      <ChevronRight
        aria-hidden
        className={classes("size-3 shrink-0 text-ink-faint", isOpen && "rotate-90", entry.kind !== "folder" && "invisible")}
      />
      <Icon aria-hidden className={classes("size-3.5 shrink-0", entry.kind === "folder" ? "text-accent" : "text-ink-faint")} />
      <span className={classes("min-w-0 flex-1 truncate", mark?.tone)}>
        {shownName(entry.name)}
        {entry.target !== null && <span className="text-ink-faint"> → {shownName(entry.target)}</span>}
        {entry.kind === "other" && <span className="sr-only">, not a file that can be shown</span>}
      </span>
      {entry.bytes !== null && <span className="nums shrink-0 text-2xs text-ink-faint">{formatBytes(entry.bytes)}</span>}
      {mark !== null && (
        <span className={classes("code w-3 shrink-0 text-center text-2xs font-semibold", mark.tone)}>
          <span aria-hidden title={mark.name}>
            {mark.mark}
          </span>
          <span className="sr-only">, {mark.name}</span>
        </span>
      )}
    </>
  );
};

/** A tree of which only the rows in view are drawn. One stop for Tab; arrow keys walk, Enter and Space open. */
export const FolderTree = ({
  rows,
  selected,
  onToggle,
  onOpen,
  onRetry,
}: {
  rows: readonly TreeRow[];
  /** The path of the file that is shown. */
  selected: string | null;
  onToggle: (folder: string, open: boolean) => void;
  onOpen: (path: string) => void;
  onRetry: (folder: string) => void;
}) => {
  const id = useId();
  const scroller = useRef<HTMLDivElement>(null);
  const [current, setCurrent] = useState<string | null>(selected);
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 20,
  });
  const keyOf = (row: TreeRow | undefined): string | null =>
    row === undefined ? null : row.kind === "entry" ? row.path : `${row.folder}/${row.text}`;
  const found = rows.findIndex((row) => keyOf(row) === current);
  // In the place of a file that is gone stands the one after it.
  const lastIndex = useRef(0);
  const index = found === -1 ? Math.max(0, Math.min(lastIndex.current, rows.length - 1)) : found;
  lastIndex.current = index;
  const idOf = (at: number): string => `${id}-row-${at}`;

  const walk = (to: number): void => {
    setCurrent(keyOf(rows[to]));
    virtualizer.scrollToIndex(to, { align: "auto" });
  };
  const act = (row: TreeRow): void => {
    if (row.kind === "note") {
      if (row.canRetry) onRetry(row.folder);
    } else if (row.entry.kind === "folder") onToggle(row.path, !row.isOpen);
    else onOpen(row.path);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const row = rows[index];
    if ((event.key === "Enter" || event.key === " ") && row !== undefined) {
      event.preventDefault();
      act(row);
      return;
    }
    const step = stepOf(event.key, { rows, index });
    if (step === null) return;
    event.preventDefault();
    if ("to" in step) walk(step.to);
    else if (row?.kind === "entry") onToggle(row.path, step.open);
  };
  const isScrolled = useRef(false);
  useEffect(() => {
    // A file that was named in the address is brought into view once.
    if (isScrolled.current || found === -1) return;
    isScrolled.current = true;
    virtualizer.scrollToIndex(found, { align: "auto" });
  }, [found, virtualizer]);

  const top = useRef<{ key: string | null; index: number } | null>(null);
  const onScroll = (): void => {
    const at = Math.floor((scroller.current?.scrollTop ?? 0) / ROW_PX);
    top.current = at === 0 ? null : { key: keyOf(rows[at]), index: at };
  };
  useLayoutEffect(() => {
    // What comes and goes further up moves nothing that is in sight.
    const kept = top.current;
    if (kept === null || scroller.current === null) return;
    const now = rows.findIndex((row) => keyOf(row) === kept.key);
    if (now === -1 || now === kept.index) return;
    scroller.current.scrollTop += (now - kept.index) * ROW_PX;
    top.current = { ...kept, index: now };
  });

  return (
    <div
      ref={scroller}
      onScroll={onScroll}
      role="tree"
      aria-label="Files of the workspace"
      tabIndex={0}
      aria-activedescendant={rows.length === 0 ? undefined : idOf(index)}
      onKeyDown={onKeyDown}
      className="group inset-ring-focus min-h-0 flex-1 overflow-y-auto py-1"
    >
      <div className="relative" style={{ height: virtualizer.getTotalSize() }}>
        {virtualizer.getVirtualItems().map(({ index: at, start }) => {
          const row = rows[at];
          if (row === undefined) return null;
          const isSelected = row.kind === "entry" && row.path === selected;
          return (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the tree takes the keys for all of its rows
            // biome-ignore lint/a11y/useFocusableInteractive: the tree has the focus, and tells which row is meant
            <div
              key={keyOf(row)}
              id={idOf(at)}
              role="treeitem"
              aria-level={row.depth + 1}
              aria-selected={isSelected}
              aria-expanded={row.kind === "entry" && row.entry.kind === "folder" ? row.isOpen : undefined}
              title={row.kind === "entry" ? shownName(row.path) : undefined}
              onClick={() => {
                setCurrent(keyOf(row));
                act(row);
              }}
              className={classes(
                "absolute top-0 left-0 flex w-full items-center gap-1.5 pr-3 text-xs",
                (row.kind === "entry" || row.canRetry) && "cursor-pointer hover:bg-hover",
                isSelected && "bg-accent-soft",
                at === index &&
                  "group-focus-visible:outline-2 group-focus-visible:-outline-offset-2 group-focus-visible:outline-accent",
              )}
              style={{ height: ROW_PX, paddingLeft: 8 + row.depth * 14, transform: `translateY(${start}px)` }}
            >
              {row.kind === "entry" ? (
                <Entry row={row} />
              ) : (
                <span className={classes("truncate pl-5 italic", row.canRetry ? "text-bad" : "text-ink-faint")} title={row.text}>
                  {row.canRetry ? `${row.text} Try again` : row.text}
                </span>
              )}
            </div>
          );
        })}
      </div>
    </div>
  );
};
