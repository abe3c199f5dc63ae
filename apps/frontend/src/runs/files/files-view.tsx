import { isFinal, type Run } from "@ccr/protocol";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Files, Hourglass, RotateCw } from "lucide-react";
import { useMemo, useState } from "react";
import { useApi } from "../../api/client.ts";
import { describeError, statusOf } from "../../api/errors.ts";
import { Button } from "../../ui/button.tsx";
import { classes } from "../../ui/classes.ts";
import { EmptyState, LoadError, Skeleton } from "../../ui/feedback.tsx";
import { formatClock, formatMoment } from "../../ui/format.ts";
import { useWide } from "../../ui/use-wide.ts";
import { sandboxPhase } from "../terminal/words.ts";
import { FileView } from "./file-view.tsx";
import { FolderTree } from "./folder-tree.tsx";
import { GoToFile } from "./go-to-file.tsx";
import { foldersTo, lastPart } from "./names.ts";
import { changesByPath, toRows } from "./tree.ts";
import { useFolders } from "./use-folders.ts";

/** What is marked as changed takes more to be told than what is there. */
const CHANGES_EVERY_MS = 15_000;
const NOTHING: readonly (number | null)[] = [404, 409];

/** The files of a run's workspace while there is a sandbox, and what is kept of them afterwards. */
export const FilesView = ({ run }: { run: Run }) => {
  const { trpc, client } = useApi();
  const ended = isFinal(run.status);
  const wide = useWide();
  const { file = null } = useSearch({ from: "/runs/$runId" });
  const navigate = useNavigate({ from: "/runs/$runId" });
  const [open, setOpen] = useState<readonly string[]>(() => (file === null ? [] : foldersTo(file)));
  const [version, setVersion] = useState(0);
  const [isAsked, setAsked] = useState(false);
  const folders = useFolders(run.id, open, ended);
  const diff = useQuery({
    queryKey: [...trpc.runs.diff.queryKey({ id: run.id }), ended],
    queryFn: ({ signal }) => client.runs.diff.query({ id: run.id }, { signal }),
    enabled: run.baseCommit !== null,
    retry: false,
    refetchOnWindowFocus: false,
    refetchInterval: ended ? false : CHANGES_EVERY_MS,
    staleTime: ended ? Number.POSITIVE_INFINITY : 5000,
  });
  const changes = useMemo(() => changesByPath(diff.data?.files ?? []), [diff.data]);
  const { root } = folders;
  if (root?.data === undefined) {
    const { error } = folders;
    if (error === null) return <Skeleton rows={8} />;
    if (!NOTHING.includes(statusOf(error))) return <LoadError error={error} onRetry={() => folders.retry("")} />;
    return sandboxPhase(run) === "before" ? (
      <EmptyState
        icon={Hourglass}
        title="There are no files yet"
        action={<Button onClick={() => folders.retry("")}>Look again</Button>}
      >
        They show here as soon as the run is running.
      </EmptyState>
    ) : (
      <EmptyState
        icon={Files}
        title="There are no files to show"
        action={<Button onClick={() => folders.retry("")}>Try again</Button>}
      >
        {describeError(error)}
      </EmptyState>
    );
  }
  const { from } = root.data;
  const show = (path: string | null): void => {
    void navigate({ search: path === null ? { tab: "files" } : { tab: "files", file: path }, replace: true });
  };
  const toggle = (folder: string, isOpen: boolean): void =>
    setOpen((old) =>
      isOpen ? [...new Set([...old, folder])] : old.filter((each) => each !== folder && !each.startsWith(`${folder}/`)),
    );
  /** Shows a file, and where it is in the tree. */
  const goTo = (path: string): void => {
    setOpen((old) => [...new Set([...old, ...foldersTo(path)])]);
    show(path);
  };
  const refresh = (): void => {
    setVersion(version + 1);
    setAsked(true);
    void folders.refetch().finally(() => setAsked(false));
    void diff.refetch();
  };
  const rows = toRows({ loaded: folders.loaded, isOpen: (folder) => open.includes(folder), changes });
  const above = file === null ? null : folders.loaded(file.includes("/") ? file.slice(0, file.lastIndexOf("/")) : "");
  const entry =
    above?.state === "loaded"
      ? (above.listing.entries.find(({ name }) => file !== null && name === lastPart(file)) ?? null)
      : null;
  return (
    <div className="flex min-h-72 flex-1 flex-col">
      <div className="flex items-center justify-between gap-3 border-b border-line bg-accent-soft px-4 py-1.5 text-xs text-ink-soft">
        <span className="min-w-0">
          {from.kind === "sandbox"
            ? `In the sandbox, as it was at ${formatClock(new Date(root.dataUpdatedAt).toISOString())}.`
            : `What is kept of the work, as it was on ${formatMoment(from.at)}. Files that git ignores are not kept.`}
        </span>
        {!ended && (
          <Button size="sm" busy={isAsked} onClick={refresh}>
            {!isAsked && <RotateCw aria-hidden className="size-3.5" />} Refresh
          </Button>
        )}
      </div>
      <div className="flex min-h-0 flex-1">
        {(wide || file === null) && (
          <div className={classes("flex min-h-0 min-w-0 flex-col", wide ? "w-72 shrink-0 border-r border-line" : "flex-1")}>
            <GoToFile run={run} ended={ended} onOpen={goTo}>
              <FolderTree rows={rows} selected={file} onToggle={toggle} onOpen={show} onRetry={folders.retry} />
            </GoToFile>
          </div>
        )}
        {file !== null ? (
          <FileView
            key={file}
            run={run}
            path={file}
            entry={entry}
            version={version}
            ended={ended}
            onFollow={goTo}
            onFolder={(path) => {
              toggle(path, true);
              show(null);
            }}
            onBack={wide ? null : () => show(null)}
          />
        ) : (
          wide && (
            <div className="min-w-0 flex-1">
              <EmptyState icon={Files} title="Choose a file to read it" />
            </div>
          )
        )}
      </div>
    </div>
  );
};
