import type { Run, WorkspaceDiff } from "@ccr/protocol";
import { useNavigate, useRouter, useSearch } from "@tanstack/react-router";
import { FileSearch, ListTree, TriangleAlert } from "lucide-react";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Button } from "../../ui/button.tsx";
import { classes } from "../../ui/classes.ts";
import { EmptyState, Notice } from "../../ui/feedback.tsx";
import { Field, TextInput } from "../../ui/field.tsx";
import { plural } from "../../ui/format.ts";
import { CommentsProvider } from "./comment-box.tsx";
import { type Comment, isCurrent } from "./comments.ts";
import { COLORED_LINES, DiffView, type DiffViewHandle } from "./diff-view.tsx";
import { DraftsList } from "./drafts-list.tsx";
import { FileHead } from "./file-head.tsx";
import { FileTree } from "./file-tree.tsx";
import { Highlighting } from "./highlighting.tsx";
import type { FileState } from "./items.ts";
import { parsePatch } from "./patch.ts";
import { type ShownFile, toShownFiles, withoutWhitespaceChanges } from "./shown.ts";
import { Toolbar } from "./toolbar.tsx";
import { buildTree, filesOfTree, fitsFilter, groupByFolder } from "./tree.ts";
import { useComments } from "./use-comments.ts";
import { useCurrentFile } from "./use-current-file.ts";
import { useMarks } from "./use-marks.ts";
import { useRoom } from "./use-room.ts";
import { useSendComments } from "./use-send-comments.ts";
import { useWalk } from "./use-walk.ts";
import { useWhole } from "./use-whole.ts";
import { useViewOptions } from "./view-options.ts";
import type { Chosen } from "./walk.ts";

// The heads of the files would cover an outline of what scrolls: it is drawn over them.
const FOCUS =
  "after:pointer-events-none after:absolute after:inset-0 after:z-10 has-[>[role=region]:focus-visible]:after:border-2 has-[>[role=region]:focus-visible]:after:border-accent";

type Props = { diff: WorkspaceDiff; run: Run; beside: boolean };

/** The files of a patch in the order in which the tree lists them. */
const useFiles = ({ diff, run }: Pick<Props, "diff" | "run">): readonly ShownFile[] =>
  useMemo(
    () =>
      groupByFolder(toShownFiles(parsePatch(diff.patch)), run.directory !== null).flatMap(({ folder, files }) =>
        filesOfTree(buildTree(files, folder ?? "")),
      ),
    [diff.patch, run.directory],
  );

/** The file that the address names, and how it gets to name another. */
const useFileInAddress = ({ run, beside }: Pick<Props, "run" | "beside">) => {
  const { file = null } = useSearch({ strict: false });
  const navigate = useNavigate();
  const router = useRouter();
  const place = (path: string) =>
    ({ to: "/runs/$runId", params: { runId: run.id }, search: { tab: "changes", file: path } }) as const;
  return {
    file: beside ? null : file,
    name: (path: string): void => {
      if (!beside) void navigate({ ...place(path), replace: true });
    },
    hrefOf: (path: string): string | null => (beside ? null : location.origin + router.buildLocation(place(path)).href),
  };
};

const NO_COMMENTS: readonly Comment[] = [];

const isLarge = ({ file }: ShownFile): boolean =>
  file.hunks.reduce((sum, { lines }) => sum + lines.length, 0) - Math.min(file.additions, file.deletions) > COLORED_LINES;

const Truncated = ({ missing }: { missing: number }) => (
  <Notice tone="warn" icon={TriangleAlert} className="m-3">
    <p>
      The patch was too long to keep whole: it ends with a whole file, and later files are missing from it
      {missing > 0 && ` (${plural(missing, "file")})`}. The git bundle below has all of them.
    </p>
  </Notice>
);

/** The changes of a run: the tree of files, their diffs, and comments for the agent. */
export const ChangesPanel = ({ diff, run, beside }: Props) => {
  const changed = useFiles({ diff, run });
  const [panel, hasRoom] = useRoom();
  const { options: wanted, change } = useViewOptions(hasRoom);
  // Side by side with others there is no room for a line to be scrolled along.
  const options = beside ? { ...wanted, isWrapped: true } : wanted;
  const [isTreeAsked, setTreeAsked] = useState(false);
  const [filter, setFilter] = useState("");
  const current = useCurrentFile();
  const view = useRef<DiffViewHandle>(null);
  const marks = useMarks(run.id);
  const reviewing = useComments(run.id);
  const whole = useWhole(run, changed, beside ? NO_COMMENTS : reviewing.comments);
  const all = whole.files;
  const send = useSendComments(run);
  const address = useFileInAddress({ run, beside });

  const listed = useMemo(() => all.filter(({ file }) => fitsFilter(file.path, filter)), [all, filter]);
  const files = useMemo(
    () => (options.isBlind ? listed.map((shown) => ({ ...shown, file: withoutWhitespaceChanges(shown.file) })) : listed),
    [listed, options.isBlind],
  );
  const fileOf = useCallback(
    (comment: Comment) => all.find(({ file }) => file.path === comment.path && isCurrent(comment, file)),
    [all],
  );
  const notes = useMemo(() => {
    const byFile = new Map<string, FileState["notes"]>();
    for (const comment of beside ? [] : reviewing.comments) {
      const id = fileOf(comment)?.id;
      if (id !== undefined) byFile.set(id, [...(byFile.get(id) ?? []), { id: comment.id, at: comment.to }]);
    }
    return byFile;
  }, [reviewing.comments, fileOf, beside]);
  const byId = useMemo(() => new Map(files.map((shown) => [shown.id, shown])), [files]);
  const stateOf = useCallback(
    (id: string): FileState => {
      const shown = byId.get(id);
      return { collapsed: shown !== undefined && !marks.isOpen(shown), notes: notes.get(id) ?? [] };
    },
    [byId, marks, notes],
  );

  const begin = (shown: ShownFile, one: Chosen["one"], other: Chosen["other"]): void => {
    reviewing.begin(all.find(({ id }) => id === shown.id)?.file ?? shown.file, one, other);
  };
  const walk = useWalk({ files, view, current, marks, onComment: beside ? null : begin });
  const onChoose = (chosen: Chosen | null): void => {
    walk.setChosen(chosen);
    const shown = chosen === null ? undefined : byId.get(chosen.id);
    if (chosen !== null && shown !== undefined) begin(shown, chosen.one, chosen.other);
  };
  // The viewer draws anew when what it is given changes.
  const latestChoose = useRef(onChoose);
  useEffect(() => {
    latestChoose.current = onChoose;
  });
  const choose = useCallback((chosen: Chosen | null) => latestChoose.current(chosen), []);
  const place = useMemo(() => ({ reviewing, leave: () => view.current?.focus() }), [reviewing]);

  const open = (shown: ShownFile): void => {
    if (!marks.isOpen(shown)) marks.setOpen(shown, true);
    view.current?.toFile(shown.id);
    current.goneTo(shown.id);
    walk.setChosen(null);
    setTreeAsked(false);
    address.name(shown.file.path);
  };
  const named = address.file;
  // biome-ignore lint/correctness/useExhaustiveDependencies: only another address leads elsewhere, not a change of the files
  useEffect(() => {
    const shown = all.find(({ file }) => file.path === named);
    if (shown === undefined) return;
    view.current?.toFile(shown.id);
    current.goneTo(shown.id);
  }, [named]);

  const isTreeBeside = hasRoom && !beside;
  const hasTree = isTreeBeside ? options.hasTree : isTreeAsked;
  const toggleTree = (): void => (isTreeBeside ? change({ hasTree: !options.hasTree }) : setTreeAsked(!isTreeAsked));
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys are taken from whatever has the focus inside
    <div
      ref={panel}
      className={classes("flex flex-1 flex-col", beside ? "min-h-0" : "min-h-[70dvh] lg:min-h-96")}
      onKeyDown={walk.onKeyDown}
    >
      <Toolbar
        run={run}
        diff={diff}
        viewed={beside ? null : { count: all.filter(marks.isViewed).length, of: all.length }}
        options={options}
        canSplit={hasRoom}
        onChange={change}
        hasKeys={!beside}
      />
      {diff.truncated && <Truncated missing={diff.files.length - new Set(all.map(({ file }) => file.path)).size} />}
      <div className={classes("flex min-h-0 flex-1", isTreeBeside ? "flex-row" : "flex-col")}>
        <nav
          aria-label="Changed files"
          className={classes(
            "flex shrink-0 flex-col border-line",
            isTreeBeside ? "min-h-0 border-r" : "border-b",
            isTreeBeside && (hasTree ? "w-64" : "w-9"),
          )}
        >
          <div className="flex shrink-0 items-center gap-1 p-1">
            <Button
              size="sm"
              tone="ghost"
              aria-expanded={hasTree}
              aria-label={hasTree ? "Hide the files" : "Show the files"}
              title={hasTree ? "Hide the files" : "Show the files"}
              className="px-1.5"
              onClick={toggleTree}
            >
              <ListTree aria-hidden className="size-3.5" />
              {!isTreeBeside && `Files (${all.length})`}
            </Button>
            {hasTree && all.length > 1 && (
              <Field label="Filter the files by path" hideLabel className="flex-1">
                {(parts) => (
                  <TextInput
                    {...parts}
                    type="search"
                    value={filter}
                    placeholder="Filter by path"
                    className="h-7 text-xs"
                    onChange={({ target }) => setFilter(target.value)}
                  />
                )}
              </Field>
            )}
          </div>
          {hasTree && (
            <div className={classes("overflow-y-auto pb-2", isTreeBeside ? "min-h-0 flex-1" : "max-h-48")}>
              {groupByFolder(listed, run.directory !== null).map(({ folder, files: inside }) => (
                <div key={folder}>
                  {folder !== null && <h3 className="truncate px-3 pt-1.5 pb-0.5 text-xs font-semibold">{folder}</h3>}
                  <FileTree
                    label={folder ?? "Changed files"}
                    files={inside}
                    within={folder ?? ""}
                    current={current.id}
                    isViewed={marks.isViewed}
                    commentsOf={({ id }) => notes.get(id)?.length ?? 0}
                    onOpen={open}
                  />
                </div>
              ))}
            </div>
          )}
        </nav>
        <div className={classes("relative flex min-h-0 min-w-0 flex-1 flex-col", FOCUS)}>
          {files.length === 0 ? (
            <EmptyState
              icon={FileSearch}
              title="No file fits this filter"
              action={<Button onClick={() => setFilter("")}>Show all files</Button>}
            />
          ) : (
            <CommentsProvider value={place}>
              <Highlighting>
                <DiffView
                  ref={view}
                  files={files}
                  options={options}
                  stateOf={stateOf}
                  chosen={walk.chosen}
                  onChoose={beside ? null : choose}
                  onTop={current.atTop}
                  onScrolled={current.scrolled}
                  head={(shown) => (
                    <FileHead
                      shown={shown}
                      isOpen={marks.isOpen(shown)}
                      isViewed={marks.isViewed(shown)}
                      note={isLarge(shown) ? "Shown without colours, as it is large" : null}
                      onToggle={marks.setOpen}
                      onViewed={marks.setViewed}
                      href={address.hrefOf(shown.file.path)}
                      hidden={whole.hiddenOf(shown)}
                      onWhole={whole.set}
                      openIn={beside || shown.file.status === "deleted" ? null : run.id}
                    />
                  )}
                />
              </Highlighting>
            </CommentsProvider>
          )}
          <p role="status" className="sr-only">
            {walk.said}
          </p>
        </div>
      </div>
      {!beside && reviewing.comments.length > 0 && (
        <DraftsList
          key={`${hasRoom}`}
          isListed={hasRoom}
          reviewing={reviewing}
          send={send}
          isCurrent={(comment) => fileOf(comment) !== undefined}
          onShow={(comment) => {
            const shown = fileOf(comment);
            if (shown === undefined) return;
            marks.setOpen(shown, true);
            view.current?.toLine(shown.id, comment.to, "center");
          }}
        />
      )}
    </div>
  );
};
