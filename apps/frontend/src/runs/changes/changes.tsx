import { checkoutsOf, isFinal, type Run, type WorkspaceDiff } from "@ccr/protocol";
import { useQuery } from "@tanstack/react-query";
import { ChevronRight, Download, FileDiff, RotateCw, TriangleAlert } from "lucide-react";
import { Fragment, memo, useMemo, useRef, useState } from "react";
import { useApi } from "../../api/client.ts";
import { Button } from "../../ui/button.tsx";
import { classes } from "../../ui/classes.ts";
import { CopyButton } from "../../ui/copy-button.tsx";
import { downloadText } from "../../ui/download.ts";
import { EmptyState, LoadError, Notice, Skeleton } from "../../ui/feedback.tsx";
import { plural } from "../../ui/format.ts";
import { TailPath } from "../../ui/tail-path.tsx";
import { VirtualRows, type VirtualRowsHandle } from "../../ui/virtual-rows.tsx";
import { DiffLine } from "./diff-lines.tsx";
import { type PatchFile, parsePatch } from "./patch.ts";
import { type ChangeRow, groupByFolder, isOpenAtFirst, toChangeRows } from "./rows.ts";

const ROW_PX = 20;

const Counts = ({ additions, deletions }: { additions: number | null; deletions: number | null }) => (
  <span className="nums shrink-0 text-xs">
    {additions === null ? (
      <span className="text-ink-faint">binary</span>
    ) : (
      <>
        <span className="text-ok">+{additions}</span> <span className="text-bad">−{deletions}</span>
      </>
    )}
  </span>
);

const MARKS: Record<PatchFile["status"], { letter: string; name: string; tone: string }> = {
  added: { letter: "A", name: "added", tone: "text-ok" },
  modified: { letter: "M", name: "modified", tone: "text-warn" },
  deleted: { letter: "D", name: "deleted", tone: "text-bad" },
  renamed: { letter: "R", name: "renamed", tone: "text-accent" },
  copied: { letter: "C", name: "copied", tone: "text-accent" },
  mode_changed: { letter: "M", name: "mode changed", tone: "text-warn" },
};

const FileMark = ({ status }: { status: PatchFile["status"] }) => {
  const { letter, name, tone } = MARKS[status];
  return (
    <abbr title={name} aria-label={name} className={classes("code w-3.5 shrink-0 text-center font-semibold no-underline", tone)}>
      {letter}
    </abbr>
  );
};

const Row = memo(({ row, onToggle }: { row: ChangeRow; onToggle: (file: PatchFile, open: boolean) => void }) => {
  switch (row.kind) {
    case "file":
      return (
        <button
          type="button"
          aria-expanded={row.open}
          onClick={() => onToggle(row.file, !row.open)}
          className="inset-ring-focus sticky left-0 flex h-5 w-full max-w-[100cqw] items-center gap-2 bg-hover px-3 text-left text-xs font-medium"
        >
          <ChevronRight aria-hidden className={classes("size-3 shrink-0 text-ink-faint", row.open && "rotate-90")} />
          <FileMark status={row.file.status} />
          <span className="code truncate">{row.file.path}</span>
          <Counts additions={row.file.binary ? null : row.file.additions} deletions={row.file.deletions} />
        </button>
      );
    case "hunk":
      return (
        <div className="code flex h-5 min-w-full bg-accent-soft whitespace-pre text-ink-soft">
          <span className="w-27 shrink-0 px-3" />
          {row.text} <span className="pl-2 text-ink-faint">{row.section}</span>
        </div>
      );
    case "note":
      return <p className="h-5 px-3 pl-10 text-xs leading-5 text-ink-faint italic">{row.text}</p>;
    case "line":
      return <DiffLine line={row.line} />;
    case "gap":
      return <div className="h-5" />;
  }
});

const Diff = ({ diff, run, beside }: { diff: WorkspaceDiff; run: Run; beside: boolean }) => {
  const files = useMemo(() => parsePatch(diff.patch), [diff.patch]);
  const [chosen, setChosen] = useState<ReadonlyMap<string, boolean>>(new Map());
  const list = useRef<VirtualRowsHandle>(null);
  const { rows, starts, longestLine } = useMemo(
    () => toChangeRows(files, (file) => chosen.get(file.path) ?? isOpenAtFirst(file)),
    [files, chosen],
  );
  const additions = diff.files.reduce((sum, file) => sum + (file.additions ?? 0), 0);
  const deletions = diff.files.reduce((sum, file) => sum + (file.deletions ?? 0), 0);
  const toggle = useMemo(() => (file: PatchFile, open: boolean) => setChosen((old) => new Map(old).set(file.path, open)), []);
  return (
    <div className="flex min-h-64 flex-1 flex-col">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line px-4 py-2">
        <p className="min-w-0 flex-1">
          {plural(diff.files.length, "file")} <Counts additions={additions} deletions={deletions} />
        </p>
        <CopyButton text={() => diff.patch} label="Copy the patch" />
        <Button size="sm" onClick={() => downloadText(`${run.id}.patch`, diff.patch, "text/x-patch")}>
          <Download aria-hidden className="size-3.5" /> Download .patch
        </Button>
      </div>
      {diff.truncated && (
        <Notice tone="warn" icon={TriangleAlert} className="m-3">
          <p>The patch was too long to keep whole: it ends with a whole file, and later files are missing from it.</p>
        </Notice>
      )}
      <div className={classes("flex min-h-0 flex-1 flex-col", !beside && "xl:flex-row")}>
        <nav
          aria-label="Changed files"
          className={classes(
            "max-h-32 shrink-0 overflow-y-auto border-b border-line py-1.5",
            !beside && "xl:max-h-none xl:w-64 xl:border-r xl:border-b-0",
          )}
        >
          {groupByFolder(files, run.directory !== null).map(({ folder, entries }) => (
            <Fragment key={folder}>
              {folder !== null && <h3 className="truncate px-3 pt-1.5 pb-0.5 text-xs font-semibold">{folder}</h3>}
              <ul aria-label={folder ?? undefined}>
                {entries.map(({ file, index, path }) => (
                  <li key={file.path}>
                    <button
                      type="button"
                      title={file.path}
                      onClick={() => {
                        list.current?.scrollTo(starts[index] ?? 0);
                      }}
                      className="inset-ring-focus flex w-full items-center gap-2 px-3 py-1 text-left text-xs hover:bg-hover"
                    >
                      <FileMark status={file.status} />
                      <TailPath text={path} className="flex-1" />
                      <Counts additions={file.binary ? null : file.additions} deletions={file.deletions} />
                    </button>
                  </li>
                ))}
              </ul>
            </Fragment>
          ))}
        </nav>
        <VirtualRows
          ref={list}
          label="Diff"
          count={rows.length}
          rowHeight={ROW_PX}
          minWidth={`calc(${longestLine + 1}ch * 0.98 + 8.5rem)`}
          className="@container bg-surface"
          render={(index) => {
            const row = rows[index];
            return row === undefined ? null : <Row row={row} onToggle={toggle} />;
          }}
        />
      </div>
    </div>
  );
};

/** What the server keeps of a run's work beyond its sandbox, to be taken away; of several repositories a bundle each. */
const KeptWork = ({ run }: { run: Run }) => (
  <nav aria-label="Kept work" className="flex flex-wrap gap-x-4 gap-y-1 border-t border-line px-4 py-2 text-xs text-ink-soft">
    <span>Kept outside the sandbox:</span>
    <a className="rounded underline" href={`/runs/${run.id}/work.patch`} title="All changes, for git apply">
      patch
    </a>
    {checkoutsOf(run).map(({ repository, directory }) =>
      directory === null ? (
        <a
          key={repository}
          className="rounded underline"
          href={`/runs/${run.id}/work.bundle`}
          title="Every commit and file, for git fetch work.bundle"
        >
          git bundle
        </a>
      ) : (
        <a
          key={directory}
          className="min-w-0 rounded underline [overflow-wrap:anywhere]"
          href={`/runs/${run.id}/work.bundle?directory=${encodeURIComponent(directory)}`}
          title={`Every commit and file of ${repository}, for git fetch`}
        >
          git bundle of {directory}
        </a>
      ),
    )}
    <a
      className="rounded underline"
      href={`/runs/${run.id}/conversation.jsonl`}
      title="Claude Code's own file of the conversation"
    >
      conversation
    </a>
    {run.directory !== null && (
      <p className="basis-full text-ink-faint">
        To apply the patch: <code className="code text-2xs">git apply</code> in the folder that has the repositories side by side.
      </p>
    )}
  </nav>
);

/** What a run changed, against the commit that it started from. `beside`: it is one of several that stand side by side. */
export const ChangesView = ({ run, beside = false }: { run: Run; beside?: boolean }) => {
  const { trpc, client } = useApi();
  const ended = isFinal(run.status);
  const isOne = run.directory === null;
  // The final status is part of the key: what is shown of an ended run is never the work in progress of before.
  const query = useQuery({
    queryKey: [...trpc.runs.diff.queryKey({ id: run.id }), ended],
    queryFn: ({ signal }) => client.runs.diff.query({ id: run.id }, { signal }),
    enabled: run.baseCommit !== null,
    refetchOnWindowFocus: false,
    staleTime: ended ? Number.POSITIVE_INFINITY : 0,
  });
  const refresh = !ended && (
    <Button size="sm" busy={query.isFetching} onClick={() => query.refetch()}>
      {!query.isFetching && <RotateCw aria-hidden className="size-3.5" />} Refresh
    </Button>
  );
  if (run.baseCommit === null) {
    return (
      <EmptyState icon={FileDiff} title={ended ? "Nothing was changed" : "Nothing to compare yet"}>
        {ended
          ? `The run ended before the ${isOne ? "repository was" : "repositories were"} checked out.`
          : `The ${isOne ? "repository is" : "repositories are"} not checked out yet.`}
      </EmptyState>
    );
  }
  if (query.data === undefined) {
    return query.error === null ? <Skeleton rows={8} /> : <LoadError error={query.error} onRetry={() => query.refetch()} />;
  }
  if (query.data.files.length === 0) {
    return (
      <EmptyState icon={FileDiff} title={ended ? "No file was changed" : "No file is changed yet"} action={refresh || undefined}>
        {ended
          ? `The ${isOne ? "repository is as it was" : "repositories are as they were"} at the start of the run.`
          : "Changes show here while Claude Code works."}
      </EmptyState>
    );
  }
  return (
    <>
      {!ended && (
        <div className="flex items-center justify-between gap-3 border-b border-line bg-accent-soft px-4 py-1.5 text-xs text-ink-soft">
          <span>As it stood {new Date(query.dataUpdatedAt).toLocaleTimeString()}. The run goes on.</span>
          {refresh}
        </div>
      )}
      {query.error !== null && (
        <Notice tone="warn" icon={TriangleAlert} className="m-3">
          <p>The newest changes could not be read; these are older.</p>
        </Notice>
      )}
      <Diff diff={query.data} run={run} beside={beside} />
      <KeptWork run={run} />
    </>
  );
};
