import { BATCH_RUNS_MAX, BatchId, type BatchView } from "@ccr/protocol";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { SearchX } from "lucide-react";
import { useMemo } from "react";
import { useApi } from "../api/client.ts";
import { statusOf } from "../api/errors.ts";
import { NotFound } from "../app/not-found.tsx";
import { buttonClasses } from "../ui/button.tsx";
import { classes } from "../ui/classes.ts";
import { EmptyState, LoadError, Skeleton } from "../ui/feedback.tsx";
import { Select, TextInput } from "../ui/field.tsx";
import { plural } from "../ui/format.ts";
import { Card, Page } from "../ui/layout.tsx";
import { Ago, Elapsed } from "../ui/time.tsx";
import { BatchActions } from "./batch-actions.tsx";
import { BatchTable } from "./batch-table.tsx";
import { RowCost } from "./figures.tsx";
import { outcomeCounts, ProgressBar, StateBadge } from "./progress.tsx";
import { rowsToShow, SORTS, type TableSearch } from "./table.ts";
import { describeSize } from "./words.ts";

// A table of many rows is some hundred kilobytes.
const MANY_ROWS = 200;

const SORT_LABELS = {
  place: "As listed",
  outcome: "By outcome",
  repository: "By repository",
  checks: "By checks",
  attempts: "By attempts",
  cost: "By cost",
  duration: "By duration",
  size: "By size of the changes",
} as const satisfies Record<(typeof SORTS)[number], string>;

/** Counts by outcome, each of which shows its runs alone. */
const OutcomeFilter = ({ batch, search }: { batch: BatchView; search: TableSearch }) => {
  const { outcome: _, ...others } = search;
  const counts = outcomeCounts(batch);
  const all = { name: undefined, label: "All", count: batch.progress.total - batch.counts.removed };
  return (
    <nav aria-label="Filter by outcome" className="-mx-1 flex max-w-full gap-1 overflow-x-auto px-1 py-1">
      {[all, ...counts].map(({ name, label, count }) => (
        <Link
          key={label}
          to="/batches/$batchId"
          params={{ batchId: batch.id }}
          search={{ ...others, ...(name === undefined ? {} : { outcome: name }) }}
          replace
          aria-current={search.outcome === name ? "true" : undefined}
          className={classes(
            "inline-flex h-7 shrink-0 items-center gap-1.5 rounded-full px-3 text-xs font-medium transition-colors",
            search.outcome === name ? "bg-ink text-page" : "text-ink-soft hover:bg-hover hover:text-ink",
          )}
        >
          {label} <span className={classes("nums", search.outcome === name ? "" : "text-ink-faint")}>{count}</span>
        </Link>
      ))}
    </nav>
  );
};

const Facts = ({ batch }: { batch: BatchView }) => (
  <p className="flex flex-wrap gap-x-4 gap-y-1 text-xs text-ink-soft">
    <span>{describeSize(batch)}</span>
    <span className="nums">
      <RowCost costUsd={batch.costUsd} /> <span className="text-ink-faint">in all</span>
    </span>
    {batch.startedAt !== null && (
      <span className="nums">
        <Elapsed from={batch.startedAt} to={batch.endedAt} />
      </span>
    )}
    {batch.maxConcurrent !== null && <span>at most {batch.maxConcurrent} at once</span>}
    <span className="text-ink-faint">
      launched <Ago at={batch.createdAt} />
    </span>
  </p>
);

const LoadedBatch = ({ batch }: { batch: BatchView }) => {
  const { trpc } = useApi();
  const search = useSearch({ from: "/batches/$batchId" });
  const navigate = useNavigate({ from: "/batches/$batchId" });
  const set = (next: TableSearch): void => void navigate({ search: next, replace: true });
  const rows = useQuery(
    trpc.batches.runs.queryOptions(
      { id: batch.id, limit: BATCH_RUNS_MAX },
      {
        refetchInterval: ({ state }) => {
          if (batch.endedAt !== null) return 15_000;
          return (state.data?.length ?? 0) > MANY_ROWS ? 5000 : 2000;
        },
      },
    ),
  );
  const shown = useMemo(() => rowsToShow(rows.data ?? [], search, rows.dataUpdatedAt), [rows.data, rows.dataUpdatedAt, search]);
  return (
    <Page
      title={`${batch.progress.done}/${batch.progress.total} ${batch.name}`}
      heading={batch.name}
      width="max-w-6xl"
      back={
        <Link to="/batches" className="rounded text-xs text-ink-soft hover:underline">
          Batches
        </Link>
      }
      intro={
        <>
          Task:{" "}
          <Link to="/tasks/$taskId" params={{ taskId: batch.taskId }} className="rounded hover:underline">
            {batch.taskName}
          </Link>
        </>
      }
      actions={<BatchActions batch={batch} />}
    >
      <div className="flex flex-col gap-5">
        <Card className="flex flex-col gap-3 p-4">
          <div className="flex flex-wrap items-start gap-x-3 gap-y-2">
            <StateBadge batch={batch} />
            <p role="status" className="min-w-0 flex-1 basis-60 pt-0.5 text-pretty">
              {batch.summary}
            </p>
            <p className="nums pt-0.5 text-ink-soft">
              {batch.progress.done.toLocaleString("en")} of {batch.progress.total.toLocaleString("en")}
            </p>
          </div>
          <ProgressBar batch={batch} className="h-2.5" />
          <Facts batch={batch} />
        </Card>
        <div className="flex flex-col gap-3">
          <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
            <OutcomeFilter batch={batch} search={search} />
            <div className="flex w-full gap-2 sm:w-auto">
              <Select
                aria-label="Order"
                className="min-w-0 flex-1 lg:hidden"
                value={search.sort ?? "place"}
                onChange={({ target }) => {
                  const { sort: _, down: __, ...others } = search;
                  const sort = SORTS.find((known) => known === target.value);
                  set({ ...others, ...(sort === undefined || sort === "place" ? {} : { sort }) });
                }}
              >
                {SORTS.map((sort) => (
                  <option key={sort} value={sort}>
                    {SORT_LABELS[sort]}
                  </option>
                ))}
              </Select>
              <TextInput
                type="search"
                aria-label="Find repositories"
                placeholder="Find"
                className="min-w-0 flex-1 sm:w-44"
                value={search.find ?? ""}
                onChange={({ target }) => {
                  const { find: _, ...others } = search;
                  set({ ...others, ...(target.value === "" ? {} : { find: target.value }) });
                }}
              />
            </div>
          </div>
          <Card className="overflow-hidden">
            {rows.data === undefined ? (
              rows.error === null ? (
                <Skeleton rows={8} />
              ) : (
                <LoadError error={rows.error} onRetry={() => rows.refetch()} />
              )
            ) : shown.length === 0 ? (
              <EmptyState
                icon={SearchX}
                title={rows.data.length === 0 ? "Its runs are not kept any more" : "No run fits this filter"}
                action={
                  rows.data.length === 0 ? undefined : (
                    <Link to="/batches/$batchId" params={{ batchId: batch.id }} className={buttonClasses("secondary")}>
                      Show all {rows.data.length}
                    </Link>
                  )
                }
              />
            ) : (
              <BatchTable
                rows={shown}
                batch={batch}
                search={search}
                onSort={(order) => {
                  const { sort: _, down: __, ...others } = search;
                  set({ ...others, ...order });
                }}
              />
            )}
          </Card>
          {rows.data !== undefined && shown.length < rows.data.length && shown.length > 0 && (
            <p className="text-xs text-ink-faint">
              {plural(shown.length, "run")} of {rows.data.length.toLocaleString("en")}
            </p>
          )}
        </div>
      </div>
    </Page>
  );
};

const BatchById = ({ id }: { id: BatchId }) => {
  const { trpc } = useApi();
  const query = useQuery(
    trpc.batches.byId.queryOptions({ id }, { refetchInterval: ({ state }) => (state.data?.endedAt === null ? 2000 : 15_000) }),
  );
  if (statusOf(query.error) === 404) return <NotFound what="batch" to="/batches" label="See all batches" />;
  if (query.data !== undefined) return <LoadedBatch batch={query.data} />;
  if (query.error === null) return <Skeleton className="mx-auto max-w-6xl p-8" />;
  return <LoadError error={query.error} onRetry={() => query.refetch()} />;
};

/** One batch: how far it is, what came of its runs, and what can be done with it. */
export const BatchPage = () => {
  const { batchId } = useParams({ from: "/batches/$batchId" });
  const id = BatchId.safeParse(batchId);
  return id.success ? <BatchById id={id.data} /> : <NotFound what="batch" to="/batches" label="See all batches" />;
};
