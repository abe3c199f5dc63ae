import { BATCH_RUNS_MAX, BatchId, type BatchRow, type BatchView, isFinal, type RunId } from "@ccr/protocol";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { Columns3 } from "lucide-react";
import { useState } from "react";
import { useApi } from "../api/client.ts";
import { statusOf } from "../api/errors.ts";
import { NotFound } from "../app/not-found.tsx";
import { RunBadge } from "../runs/status.tsx";
import { Button } from "../ui/button.tsx";
import { Part } from "../ui/error-boundary.tsx";
import { EmptyState, LoadError, Skeleton } from "../ui/feedback.tsx";
import { Card, Page, Section } from "../ui/layout.tsx";
import { lazyPart } from "../ui/lazy-part.tsx";
import { CompetitorHead, CompetitorRow, nameOf } from "./competitor-row.tsx";

// Most of the page is there before anybody opens a diff.
const ChangesView = lazyPart(() => import("../runs/changes/changes.tsx").then(({ ChangesView }) => ChangesView));

// More do not fit side by side on any screen; others are shown when they are asked for.
const SHOWN_AT_FIRST = 3;

/** What the heads of a pane take, and a file with its first changes; and a line of the lines around a change. */
const PANE_REM = 16;
const FILE_REM = 10;
const LINE_REM = 1.25;
/** Room for all that changed in one of them, as far as the screen has it. */
const heightOf = (rows: readonly BatchRow[]): string => {
  const most = Math.max(
    0,
    ...rows.map(({ diff }) => (diff === null ? FILE_REM : diff.files * FILE_REM + (diff.additions + diff.deletions) * LINE_REM)),
  );
  return `min(70vh, ${PANE_REM + most}rem)`;
};

/** The changes of one run beside those of the others. */
const Pane = ({ row, batch, height }: { row: BatchRow; batch: BatchView; height: string }) => {
  const { trpc } = useApi();
  const run = useQuery(
    trpc.runs.byId.queryOptions(
      { id: row.runId },
      { refetchInterval: ({ state }) => (state.data !== undefined && isFinal(state.data.status) ? false : 2000) },
    ),
  );
  const name = nameOf(row, batch);
  return (
    <section
      aria-label={`Changes of ${name}`}
      style={{ height }}
      className="flex min-w-0 flex-col overflow-hidden rounded-xl border border-line bg-surface shadow-card"
    >
      <header className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line bg-sunken px-4 py-2">
        <h3 className="min-w-0 flex-1 truncate font-medium">{name}</h3>
        <RunBadge run={row} />
        {row.outcome !== null && (
          <p className="line-clamp-2 basis-full text-xs text-ink-soft [overflow-wrap:anywhere]" title={row.outcome.sentence}>
            {row.outcome.sentence}
          </p>
        )}
      </header>
      {run.data === undefined ? (
        run.error === null ? (
          <Skeleton rows={6} />
        ) : (
          <LoadError error={run.error} onRetry={() => run.refetch()} />
        )
      ) : (
        <Part name="changes" loading={<Skeleton rows={4} />}>
          <ChangesView run={run.data} beside />
        </Part>
      )}
    </section>
  );
};

/** Those that passed first, then those that ended, in the order of the table. */
const firstShown = (rows: readonly BatchRow[]): RunId[] => {
  const rank = (row: BatchRow): number =>
    row.mark === "chosen" ? 0 : row.status === "succeeded" ? 1 : row.diff !== null && row.diff.files > 0 ? 2 : 3;
  return rows
    .toSorted((one, other) => rank(one) - rank(other) || one.place - other.place)
    .slice(0, SHOWN_AT_FIRST)
    .map(({ runId }) => runId);
};

const Comparison = ({ rows, batch }: { rows: readonly BatchRow[]; batch: BatchView }) => {
  const [asked, setAsked] = useState<ReadonlySet<RunId> | null>(null);
  const [atFirst] = useState(() => new Set(firstShown(rows)));
  const shown = asked ?? atFirst;
  const panes = rows.filter(({ runId }) => shown.has(runId));
  const show = (runId: RunId, isShown: boolean): void => {
    const next = new Set(shown);
    if (isShown) next.add(runId);
    else next.delete(runId);
    setAsked(next);
  };
  return (
    <>
      <Card className="overflow-hidden">
        <CompetitorHead />
        <ul className="divide-y divide-line" aria-label="Runs that compete">
          {rows.map((row) => (
            <CompetitorRow
              key={row.runId}
              row={row}
              batch={batch}
              others={rows.filter(({ runId }) => runId !== row.runId)}
              shown={shown.has(row.runId)}
              onShow={(isShown) => show(row.runId, isShown)}
            />
          ))}
        </ul>
      </Card>
      <Section heading="Changes side by side">
        {panes.length === 0 ? (
          <EmptyState
            icon={Columns3}
            title="No run is ticked"
            action={<Button onClick={() => setAsked(new Set(firstShown(rows)))}>Tick the best ones</Button>}
          >
            Tick those whose changes are to stand side by side.
          </EmptyState>
        ) : (
          <div className="overflow-x-auto pb-2">
            <div className="grid grid-flow-col gap-3 auto-cols-[minmax(min(26rem,85vw),1fr)]">
              {panes.map((row) => (
                <Pane key={row.runId} row={row} batch={batch} height={heightOf(panes)} />
              ))}
            </div>
          </div>
        )}
      </Section>
    </>
  );
};

const LoadedGroup = ({ batch, group }: { batch: BatchView; group: number }) => {
  const { trpc } = useApi();
  const rows = useQuery(
    trpc.batches.runs.queryOptions(
      { id: batch.id, group, limit: BATCH_RUNS_MAX },
      { refetchInterval: ({ state }) => (state.data?.some(({ status }) => !isFinal(status)) === true ? 2000 : 15_000) },
    ),
  );
  const [first] = rows.data ?? [];
  if (rows.data !== undefined && first === undefined) return <NotFound what="page" to="/batches" label="See all batches" />;
  return (
    <Page
      title={`Compare – ${batch.name}`}
      width="max-w-[110rem]"
      heading={first === undefined ? "Compare" : first.ref === null ? first.repository : `${first.repository}@${first.ref}`}
      intro="Runs of one task that compete with each other: choose one, and the others are closed."
      back={
        <Link to="/batches/$batchId" params={{ batchId: batch.id }} className="rounded text-xs text-ink-soft hover:underline">
          {batch.name}
        </Link>
      }
    >
      {rows.data === undefined ? (
        rows.error === null ? (
          <Skeleton rows={6} />
        ) : (
          <LoadError error={rows.error} onRetry={() => rows.refetch()} />
        )
      ) : (
        <Comparison rows={rows.data} batch={batch} />
      )}
    </Page>
  );
};

const GroupById = ({ id, group }: { id: BatchId; group: number }) => {
  const { trpc } = useApi();
  const query = useQuery(trpc.batches.byId.queryOptions({ id }, { staleTime: 10_000 }));
  if (statusOf(query.error) === 404) return <NotFound what="batch" to="/batches" label="See all batches" />;
  if (query.data !== undefined) return <LoadedGroup batch={query.data} group={group} />;
  if (query.error === null) return <Skeleton className="mx-auto max-w-6xl p-8" />;
  return <LoadError error={query.error} onRetry={() => query.refetch()} />;
};

/** The runs of one batch that compete for one repository, side by side. */
export const ComparePage = () => {
  const params = useParams({ from: "/batches/$batchId/groups/$group" });
  const id = BatchId.safeParse(params.batchId);
  const group = Number(params.group);
  if (!id.success || !Number.isInteger(group) || group < 1 || group > BATCH_RUNS_MAX)
    return <NotFound what="batch" to="/batches" label="See all batches" />;
  return <GroupById id={id.data} group={group} />;
};
