import type { BatchView } from "@ccr/protocol";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Layers } from "lucide-react";
import { useApi } from "../api/client.ts";
import { buttonClasses } from "../ui/button.tsx";
import { EmptyState, LoadError, Skeleton } from "../ui/feedback.tsx";
import { Card, Page } from "../ui/layout.tsx";
import { ShowMore } from "../ui/show-more.tsx";
import { Ago } from "../ui/time.tsx";
import { ProgressBar, StateBadge } from "./progress.tsx";
import { describeSize } from "./words.ts";

const PAGE = 20;

const BatchRow = ({ batch }: { batch: BatchView }) => (
  <li className="relative flex flex-col gap-2 px-4 py-3 transition-colors hover:bg-hover">
    <div className="flex items-start justify-between gap-4">
      <div className="min-w-0">
        <Link
          to="/batches/$batchId"
          params={{ batchId: batch.id }}
          className="inset-ring-focus block truncate rounded font-medium after:absolute after:inset-0"
        >
          {batch.name}
        </Link>
        <p className="text-xs text-ink-faint">
          {describeSize(batch)} · <Ago at={batch.createdAt} />
        </p>
      </div>
      <StateBadge batch={batch} />
    </div>
    <ProgressBar batch={batch} />
    <p className="text-xs text-pretty text-ink-soft">{batch.summary}</p>
  </li>
);

/** Every batch, the newest first. */
export const BatchesPage = () => {
  const { trpc, client } = useApi();
  const query = useInfiniteQuery({
    queryKey: [...trpc.batches.list.queryKey(), "pages"],
    queryFn: ({ pageParam, signal }) =>
      client.batches.list.query({ limit: PAGE, ...(pageParam === null ? {} : { before: pageParam }) }, { signal }),
    initialPageParam: ((): BatchView["id"] | null => null)(),
    getNextPageParam: (last) => (last.length < PAGE ? null : (last.at(-1)?.id ?? null)),
    refetchInterval: ({ state }) => (state.data?.pages.flat().some(({ endedAt }) => endedAt === null) === true ? 2000 : 15_000),
  });
  const batches = query.data?.pages.flat() ?? [];
  return (
    <Page
      title="Batches"
      heading="Batches"
      intro="Runs that were launched together: one task on many repositories, or several tries of which one is chosen."
    >
      <div className="flex flex-col gap-3">
        <Card className="overflow-hidden">
          {query.data === undefined ? (
            query.error === null ? (
              <Skeleton rows={6} />
            ) : (
              <LoadError error={query.error} onRetry={() => query.refetch()} />
            )
          ) : batches.length === 0 ? (
            <EmptyState
              icon={Layers}
              title="No batches yet"
              action={
                <Link to="/" className={buttonClasses("primary")}>
                  Launch a task
                </Link>
              }
            >
              Open “Several at once” where a task is launched, and name further repositories or models, or how many runs to
              compare.
            </EmptyState>
          ) : (
            <ul className="divide-y divide-line">
              {batches.map((batch) => (
                <BatchRow key={batch.id} batch={batch} />
              ))}
            </ul>
          )}
        </Card>
        <ShowMore pages={query} label="Show older batches" />
      </div>
    </Page>
  );
};
