import type { Run } from "@ccr/protocol";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Play, SearchX } from "lucide-react";
import { useApi } from "../../api/client.ts";
import { Button, buttonClasses } from "../../ui/button.tsx";
import { classes } from "../../ui/classes.ts";
import { EmptyState, LoadError, Skeleton } from "../../ui/feedback.tsx";
import { Select } from "../../ui/field.tsx";
import { Card, Page } from "../../ui/layout.tsx";
import { type RunsSearch, STATUS_GROUP_LABELS, STATUS_GROUP_NAMES, toListInput } from "../filter.ts";
import { RunRow } from "../run-row.tsx";
import { anyUnfinished } from "../status.tsx";

const PAGE = 50;

const StatusFilter = ({ search }: { search: RunsSearch }) => (
  <nav aria-label="Filter by status" className="-mx-1 flex max-w-full gap-1 overflow-x-auto px-1 py-1">
    {[undefined, ...STATUS_GROUP_NAMES].map((group) => (
      <Link
        key={group ?? "all"}
        to="/runs"
        search={{
          ...(search.task === undefined ? {} : { task: search.task }),
          ...(group === undefined ? {} : { status: group }),
        }}
        aria-current={search.status === group ? "true" : undefined}
        className={classes(
          "inline-flex h-7 shrink-0 items-center rounded-full px-3 text-xs font-medium transition-colors",
          search.status === group ? "bg-ink text-page" : "text-ink-soft hover:bg-hover hover:text-ink",
        )}
      >
        {group === undefined ? "All" : STATUS_GROUP_LABELS[group]}
      </Link>
    ))}
  </nav>
);

const TaskFilter = ({ search, runs }: { search: RunsSearch; runs: readonly Run[] }) => {
  const { trpc } = useApi();
  const navigate = useNavigate();
  const tasks = useQuery(trpc.tasks.list.queryOptions());
  // Runs outlive their task: one that is filtered for stays in the list by the name that its runs have.
  const names = new Map<string, string>((tasks.data ?? []).map(({ id, name }) => [id, name]));
  if (search.task !== undefined && !names.has(search.task)) {
    names.set(search.task, runs.find(({ taskId }) => taskId === search.task)?.taskName ?? "a deleted task");
  }
  return (
    <Select
      aria-label="Filter by task"
      className="max-w-full sm:w-56"
      value={search.task ?? ""}
      onChange={(event) => {
        const task = event.target.value;
        const status = search.status === undefined ? {} : { status: search.status };
        void navigate({ to: "/runs", search: task === "" ? status : { ...status, task } });
      }}
    >
      <option value="">Every task</option>
      {[...names].map(([id, name]) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </Select>
  );
};

/** Every run, the newest first. */
export const RunsPage = () => {
  const { trpc, client } = useApi();
  const search = useSearch({ from: "/runs" });
  const input = toListInput(search);
  const query = useInfiniteQuery({
    queryKey: [...trpc.runs.list.queryKey(), "pages", input],
    queryFn: ({ pageParam, signal }) =>
      client.runs.list.query({ ...input, limit: PAGE, ...(pageParam === null ? {} : { before: pageParam }) }, { signal }),
    initialPageParam: ((): Run["id"] | null => null)(),
    getNextPageParam: (last) => (last.length < PAGE ? null : (last.at(-1)?.id ?? null)),
    refetchInterval: ({ state }) => (anyUnfinished(state.data?.pages.flat() ?? []) ? 2000 : 15_000),
  });
  const runs = query.data?.pages.flat() ?? [];
  const filtered = search.status !== undefined || search.task !== undefined;
  return (
    <Page title="Runs" heading="Runs">
      <div className="flex flex-col gap-3">
        <div className="flex flex-wrap items-center justify-between gap-3">
          <StatusFilter search={search} />
          <TaskFilter search={search} runs={runs} />
        </div>
        <Card className="overflow-hidden">
          {query.data === undefined ? (
            query.error === null ? (
              <Skeleton rows={6} />
            ) : (
              <LoadError error={query.error} onRetry={() => query.refetch()} />
            )
          ) : runs.length > 0 ? (
            <>
              <div
                aria-hidden
                className="hidden grid-cols-[11.5rem_minmax(0,1fr)_6.5rem_6rem_4.5rem] gap-4 border-b border-line bg-sunken px-4 py-2 text-xs text-ink-faint md:grid"
              >
                <span>Outcome</span>
                <span>Task and repository</span>
                <span className="text-right">Launched</span>
                <span className="text-right">Duration</span>
                <span className="text-right">Cost</span>
              </div>
              <ul className="divide-y divide-line">
                {runs.map((run) => (
                  <RunRow key={run.id} run={run} />
                ))}
              </ul>
            </>
          ) : filtered ? (
            <EmptyState
              icon={SearchX}
              title="No run fits this filter"
              action={
                <Link to="/runs" className={buttonClasses("secondary")}>
                  Show all runs
                </Link>
              }
            />
          ) : (
            <EmptyState
              icon={Play}
              title="No runs yet"
              action={
                <Link to="/" className={buttonClasses("primary")}>
                  Launch a task
                </Link>
              }
            >
              Each launch of a task becomes a run, with its transcript, its changes and its outcome.
            </EmptyState>
          )}
        </Card>
        {query.hasNextPage && (
          <Button className="self-center" busy={query.isFetchingNextPage} onClick={() => query.fetchNextPage()}>
            Show older runs
          </Button>
        )}
      </div>
    </Page>
  );
};
