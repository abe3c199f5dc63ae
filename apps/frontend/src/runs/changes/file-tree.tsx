import { Check, ChevronRight, Folder, MessageSquare } from "lucide-react";
import { type KeyboardEvent, memo, useMemo, useRef, useState } from "react";
import { classes } from "../../ui/classes.ts";
import { FileCounts, FileMark } from "./marks.tsx";
import type { ShownFile } from "./shown.ts";
import { buildTree, rowsOfTree, type TreeNode, type TreeRow } from "./tree.ts";

/** Beyond so many files a tree begins with its folders closed. */
const MANY_FILES = 500;

type Props = {
  /** What the files are of, for those who cannot see it. */
  label: string;
  files: readonly ShownFile[];
  /** The folder that all of them are in. */
  within?: string;
  current: string | null;
  isViewed: (file: ShownFile) => boolean;
  commentsOf: (file: ShownFile) => number;
  onOpen: (file: ShownFile) => void;
};

const keyOf = (node: TreeNode): string => (node.kind === "folder" ? `${node.path}/` : node.shown.id);

const foldersOf = (nodes: readonly TreeNode[]): string[] =>
  nodes.flatMap((node) => (node.kind === "folder" ? [node.path, ...foldersOf(node.children)] : []));

const FileParts = ({
  shown,
  name,
  isViewed,
  comments,
}: {
  shown: ShownFile;
  name: string;
  isViewed: boolean;
  comments: number;
}) => (
  <>
    <FileMark status={shown.file.status} />
    <span className={classes("min-w-0 flex-1 truncate", isViewed && "text-ink-faint")}>{name}</span>
    {comments > 0 && (
      <span className="flex items-center gap-0.5 text-accent" title="Comments that are not sent yet">
        <MessageSquare aria-hidden className="size-3" />
        <span className="nums">{comments}</span>
        <span className="sr-only"> comments</span>
      </span>
    )}
    {isViewed && (
      <span title="viewed" className="text-ok">
        <Check aria-hidden className="size-3" />
        <span className="sr-only">viewed</span>
      </span>
    )}
    <FileCounts file={shown.file} />
  </>
);

/** One line of the tree; what is done with it is heard by the tree. Of hundreds, only those that differ are drawn again. */
const Row = memo(
  ({
    row: { node, level, isOpen },
    isCurrent,
    isFocusable,
    isViewed,
    comments,
  }: {
    row: TreeRow;
    isCurrent: boolean;
    isFocusable: boolean;
    isViewed: boolean;
    comments: number;
  }) => (
    <div
      role="treeitem"
      aria-level={level}
      aria-selected={isCurrent}
      aria-expanded={node.kind === "folder" ? isOpen : undefined}
      tabIndex={isFocusable ? 0 : -1}
      title={node.kind === "folder" ? node.path : node.shown.file.path}
      style={{ paddingLeft: `${0.25 + level * 0.625}rem` }}
      className={classes(
        "inset-ring-focus flex h-6 w-full cursor-pointer items-center gap-1.5 pr-3 text-xs [contain-intrinsic-height:1.5rem] [content-visibility:auto] hover:bg-hover",
        isCurrent && "bg-accent-soft",
      )}
    >
      {node.kind === "file" ? (
        <FileParts shown={node.shown} name={node.name} isViewed={isViewed} comments={comments} />
      ) : (
        <>
          <ChevronRight aria-hidden className={classes("size-3 shrink-0 text-ink-faint", isOpen && "rotate-90")} />
          <Folder aria-hidden className="size-3 shrink-0 text-ink-faint" />
          <span className="min-w-0 flex-1 truncate">{node.name}</span>
          {!isOpen && <span className="nums text-ink-faint">{node.files}</span>}
        </>
      )}
    </div>
  ),
);

/** The changed files in their folders. Arrow keys go through it as through any tree. */
export const FileTree = ({ label, files, within = "", current, isViewed, commentsOf, onOpen }: Props) => {
  const tree = useMemo(() => buildTree(files, within), [files, within]);
  const [closed, setClosed] = useState<ReadonlySet<string>>(() => new Set(files.length > MANY_FILES ? foldersOf(tree) : []));
  const rows = useMemo(() => rowsOfTree(tree, closed), [tree, closed]);
  const [focused, setFocused] = useState<string | null>(null);
  const list = useRef<HTMLDivElement>(null);
  const active = rows.find(({ node }) => keyOf(node) === (focused ?? current)) ?? rows[0];

  const toggle = (path: string, open: boolean): void =>
    setClosed((old) => {
      const next = new Set(old);
      if (open) next.delete(path);
      else next.add(path);
      return next;
    });
  const choose = ({ node, isOpen }: TreeRow): void => {
    setFocused(keyOf(node));
    if (node.kind === "folder") toggle(node.path, !isOpen);
    else onOpen(node.shown);
  };
  const focusRow = (index: number): void => {
    const row = rows[index];
    if (row === undefined) return;
    setFocused(keyOf(row.node));
    list.current?.querySelectorAll<HTMLElement>("[role=treeitem]")[index]?.focus();
  };
  const parentOf = (index: number): number => {
    const level = rows[index]?.level ?? 1;
    return rows.slice(0, index).findLastIndex((row) => row.level < level);
  };
  const indexOf = (target: EventTarget): number => {
    const item = target instanceof Element ? target.closest("[role=treeitem]") : null;
    return item === null ? -1 : [...(list.current?.children ?? [])].indexOf(item);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const index = indexOf(event.target);
    const row = rows[index];
    if (row === undefined) return;
    const { node, isOpen } = row;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const isFolder = node.kind === "folder";
    switch (event.key) {
      case "ArrowDown":
        focusRow(index + 1);
        break;
      case "ArrowUp":
        focusRow(index - 1);
        break;
      case "Home":
        focusRow(0);
        break;
      case "End":
        focusRow(rows.length - 1);
        break;
      case "ArrowRight":
        if (isFolder && !isOpen) toggle(node.path, true);
        else focusRow(index + 1);
        break;
      case "ArrowLeft":
        if (isFolder && isOpen) toggle(node.path, false);
        else focusRow(parentOf(index));
        break;
      case "Enter":
      case " ":
        choose(row);
        break;
      default:
        return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div
      ref={list}
      role="tree"
      aria-label={label}
      onKeyDown={onKeyDown}
      onClick={({ target }) => {
        const row = rows[indexOf(target)];
        if (row !== undefined) choose(row);
      }}
    >
      {rows.map((row) => {
        const { node } = row;
        const key = keyOf(node);
        return (
          <Row
            key={key}
            row={row}
            isCurrent={key === current}
            isFocusable={row === active}
            isViewed={node.kind === "file" && isViewed(node.shown)}
            comments={node.kind === "file" ? commentsOf(node.shown) : 0}
          />
        );
      })}
    </div>
  );
};
