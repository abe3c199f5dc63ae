import { isFinal, type ListedRun, type RunFilter, type RunId, type RunSort } from "@ccr/protocol";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { useApi } from "../../api/client.ts";
import { anyUnfinished } from "../status.tsx";

const PAGE = 50;
const BUSY_MS = 2000;
const QUIET_MS = 10_000;
/** So many runs are asked about at once. */
const SOME_MOST = 200;

type Fresh = { run: ListedRun; at: number };

/** Each run as it was told last. Pure. */
export const freshest = (answers: readonly { runs: readonly ListedRun[]; at: number }[]): ReadonlyMap<RunId, ListedRun> => {
  const known = new Map<RunId, Fresh>();
  for (const { runs, at } of answers)
    for (const run of runs) if (at >= (known.get(run.id)?.at ?? 0)) known.set(run.id, { run, at });
  return new Map([...known].map(([id, { run }]) => [id, run]));
};

/** What the newest answer has that the list does not: whether it is another list, and how many runs are new to it. Pure. */
export const changesIn = (shown: readonly ListedRun[], head: readonly ListedRun[]): { isChanged: boolean; fresh: number } => {
  const known = new Set(shown.map(({ id }) => id));
  return {
    isChanged: head.length !== Math.min(shown.length, PAGE) || head.some(({ id }, index) => shown[index]?.id !== id),
    fresh: head.filter(({ id }) => !known.has(id)).length,
  };
};

/**
 * The runs that fit, page by page. What is shown stays where it is while `held`: each run is kept up to date in its place, and what came in or moved
 * is taken over by `update`; else at once.
 */
export const useRunList = (filter: RunFilter, sort: RunSort, held: boolean) => {
  const { trpc, client } = useApi();
  const input = { ...filter, sort };
  const pages = useInfiniteQuery({
    queryKey: [...trpc.runs.page.queryKey(), "pages", input],
    queryFn: ({ pageParam, signal }) =>
      client.runs.page.query({ ...input, limit: PAGE, ...(pageParam === null ? {} : { cursor: pageParam }) }, { signal }),
    initialPageParam: ((): string | null => null)(),
    getNextPageParam: (last) => last.next,
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
  });
  // A run whose key moved may be on two pages.
  const shown = [...new Map((pages.data?.pages ?? []).flatMap(({ runs }) => runs).map((run) => [run.id, run])).values()];
  const isLoaded = pages.data !== undefined;
  const head = useQuery(
    trpc.runs.page.queryOptions(
      { ...input, limit: PAGE },
      {
        enabled: isLoaded,
        refetchInterval: ({ state }) => (anyUnfinished(state.data?.runs ?? []) ? BUSY_MS : QUIET_MS),
      },
    ),
  );
  const going = shown.filter(({ status }) => !isFinal(status)).map(({ id }) => id);
  const some = useQuery(
    trpc.runs.some.queryOptions(
      { ids: going.slice(0, SOME_MOST) },
      { enabled: going.length > 0, refetchInterval: BUSY_MS, placeholderData: (before) => before },
    ),
  );
  const latest = freshest([
    { runs: shown, at: pages.dataUpdatedAt },
    { runs: head.data?.runs ?? [], at: head.dataUpdatedAt },
    { runs: some.data ?? [], at: some.dataUpdatedAt },
  ]);
  const { isChanged, fresh } =
    head.data === undefined || head.dataUpdatedAt < pages.dataUpdatedAt
      ? { isChanged: false, fresh: 0 }
      : changesIn(shown, head.data.runs);
  const { refetch, isFetching } = pages;
  useEffect(() => {
    if (isChanged && !held && !isFetching) void refetch();
  }, [isChanged, held, isFetching, refetch]);
  return {
    pages,
    runs: shown.map((run) => latest.get(run.id) ?? run),
    /** What waits to be taken over; null: nothing. */
    waiting: isChanged ? { fresh } : null,
    update: () => refetch(),
  };
};
