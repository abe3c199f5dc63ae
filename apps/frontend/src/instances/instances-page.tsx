import type { InstanceId } from "@ccr/protocol";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { Box, History } from "lucide-react";
import { useEffect, useState } from "react";
import { useApi } from "../api/client.ts";
import { buttonClasses } from "../ui/button.tsx";
import { classes } from "../ui/classes.ts";
import { EmptyState, LoadError, Skeleton } from "../ui/feedback.tsx";
import { Card, Page } from "../ui/layout.tsx";
import { ShowMore } from "../ui/show-more.tsx";
import { LivingRow, STOPPED_COLUMNS, StoppedRow } from "./instance-row.tsx";
import { type Looks, withLook } from "./usage.ts";

const PAGE = 50;

/** The last two looks at what sandboxes use, as long as there are any. */
const useLooks = (isWanted: boolean): Looks => {
  const { trpc } = useApi();
  const usage = useQuery(trpc.instances.usage.queryOptions(undefined, { enabled: isWanted, refetchInterval: 3000 }));
  const [looks, setLooks] = useState<Looks>(new Map());
  const { data } = usage;
  useEffect(() => {
    if (data !== undefined) setLooks((old) => withLook(old, data));
  }, [data]);
  return looks;
};

const Living = () => {
  const { trpc } = useApi();
  const instances = useQuery(
    trpc.instances.list.queryOptions(
      { state: "living" },
      { refetchInterval: ({ state }) => ((state.data ?? []).length > 0 ? 2000 : 5000) },
    ),
  );
  const looks = useLooks((instances.data ?? []).length > 0);
  if (instances.data === undefined)
    return instances.error === null ? <Skeleton /> : <LoadError error={instances.error} onRetry={() => instances.refetch()} />;
  if (instances.data.length === 0)
    return (
      <EmptyState
        icon={Box}
        title="No sandbox is open"
        action={
          <Link to="/" className={buttonClasses("secondary")}>
            Launch a task
          </Link>
        }
      >
        One is opened when a run starts.
      </EmptyState>
    );
  return (
    <ul className="divide-y divide-line">
      {instances.data.map((instance) => (
        <LivingRow key={instance.id} instance={instance} looks={looks} />
      ))}
    </ul>
  );
};

const Stopped = () => {
  const { trpc, client } = useApi();
  const query = useInfiniteQuery({
    queryKey: [...trpc.instances.list.queryKey(), "stopped"],
    queryFn: ({ pageParam, signal }) =>
      client.instances.list.query(
        { state: "stopped", limit: PAGE, ...(pageParam === null ? {} : { before: pageParam }) },
        { signal },
      ),
    initialPageParam: ((): InstanceId | null => null)(),
    getNextPageParam: (last) => (last.length < PAGE ? null : (last.at(-1)?.id ?? null)),
    // Those before stay as they are; each page would be asked for again.
    refetchInterval: ({ state }) => ((state.data?.pages.length ?? 0) > 1 ? false : 10_000),
  });
  const list = query.data?.pages.flat() ?? [];
  if (query.data === undefined)
    return query.error === null ? <Skeleton rows={6} /> : <LoadError error={query.error} onRetry={() => query.refetch()} />;
  if (list.length === 0)
    return (
      <EmptyState
        icon={History}
        title="No sandbox was stopped yet"
        action={
          <Link to="/instances" className={buttonClasses("secondary")}>
            Show those that are open
          </Link>
        }
      >
        When a run has ended, the record of its sandbox is kept here with the run.
      </EmptyState>
    );
  return (
    <>
      <div
        aria-hidden
        className={classes(
          "hidden gap-4 border-b border-line bg-sunken px-4 py-2 text-xs text-ink-faint md:grid",
          STOPPED_COLUMNS,
        )}
      >
        <span>Run and instance</span>
        <span>It was there for</span>
        <span>Driver</span>
        <span className="text-right">Lasted</span>
        <span className="text-right">Stopped</span>
      </div>
      <ul className="divide-y divide-line">
        {list.map((instance) => (
          <StoppedRow key={instance.id} instance={instance} />
        ))}
      </ul>
      <div className="border-t border-line p-3 empty:hidden">
        <ShowMore pages={query} label="Show older ones" />
      </div>
    </>
  );
};

const FILTERS = [
  { label: "Living", search: {}, isStopped: false },
  { label: "Stopped", search: { state: "stopped" }, isStopped: true },
] as const;

/** The sandboxes that there are, and the records of those that were. */
export const InstancesPage = () => {
  const isStopped = useSearch({ from: "/instances" }).state === "stopped";
  return (
    <Page
      title="Instances"
      heading="Instances"
      intro="The sandboxes in which runs work. Each belongs to one run and is removed when the run has ended."
    >
      <div className="flex flex-col gap-3">
        <nav aria-label="Filter by state" className="flex gap-1">
          {FILTERS.map(({ label, search, isStopped: isFor }) => (
            <Link
              key={label}
              to="/instances"
              search={search}
              aria-current={isFor === isStopped ? "true" : undefined}
              className={classes(
                "inline-flex h-7 shrink-0 items-center rounded-full px-3 text-xs font-medium transition-colors",
                isFor === isStopped ? "bg-ink text-page" : "text-ink-soft hover:bg-hover hover:text-ink",
              )}
            >
              {label}
            </Link>
          ))}
        </nav>
        <Card className="overflow-hidden">{isStopped ? <Stopped /> : <Living />}</Card>
      </div>
    </Page>
  );
};
