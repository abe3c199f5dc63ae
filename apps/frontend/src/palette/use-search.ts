import type { BatchView, EnvironmentView, ListedRun, Task } from "@ccr/protocol";
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useApi } from "../api/client.ts";
import { findRuns, isEnough, RUNS_MOST } from "./find-runs.ts";
import { found } from "./matches.ts";

const MOST = 5;
/** Somebody who types is not asked for after each letter. */
const PAUSE_MS = 150;
const LATELY = { staleTime: 10_000 };

const useDebounced = (text: string): string => {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
};

/** The runs in which a text stands, of all that there are; looked for part by part until there are enough to show. */
const useRuns = (text: string) => {
  const { client, trpc } = useApi();
  const enabled = text !== "";
  const query = useInfiniteQuery({
    queryKey: [...trpc.runs.page.queryKey(), "found", text],
    queryFn: ({ pageParam, signal }) => findRuns(client, { text, cursor: pageParam }, signal),
    initialPageParam: ((): string | null => null)(),
    getNextPageParam: (last, pages) => (isEnough(pages) ? null : last.next),
    placeholderData: keepPreviousData,
    enabled,
    ...LATELY,
  });
  const { hasNextPage, isFetching, isError, fetchNextPage, isPlaceholderData } = query;
  useEffect(() => {
    if (enabled && hasNextPage && !isFetching && !isError && !isPlaceholderData) void fetchNextPage();
  }, [enabled, hasNextPage, isFetching, isError, isPlaceholderData, fetchNextPage]);
  return {
    runs: enabled ? (query.data?.pages ?? []).flatMap(({ runs }) => runs).slice(0, RUNS_MOST) : [],
    // So many looks were made that the rest is left to the list of runs.
    isPartial: enabled && !hasNextPage && (query.data?.pages.at(-1)?.next ?? null) !== null,
    isSearching: enabled && (isFetching || (hasNextPage && !isError)),
    error: enabled ? query.error : null,
    // What was found before a part failed is kept: only that part is asked for again.
    retry: (): void => void (query.isFetchNextPageError ? fetchNextPage() : query.refetch()),
  };
};

export type Found = {
  runs: readonly ListedRun[];
  tasks: readonly Task[];
  environments: readonly EnvironmentView[];
  batches: readonly BatchView[];
  /** There are runs that were not looked through, being very many. */
  isPartial: boolean;
  isSearching: boolean;
  /** Why not everything could be looked through; null: it was. */
  error: unknown;
  retry: () => void;
};

/** What is found of a text. Nothing is looked for without one; what was found last is there until something else is. */
export const useSearch = (text: string): Found => {
  const { trpc } = useApi();
  const query = useDebounced(text.trim());
  const enabled = query !== "";
  const runs = useRuns(query);
  const tasks = useQuery(trpc.tasks.list.queryOptions(undefined, { enabled, ...LATELY }));
  const environments = useQuery(trpc.environments.list.queryOptions(undefined, { enabled, ...LATELY }));
  const batches = useQuery(trpc.batches.list.queryOptions({}, { enabled, ...LATELY }));
  const byName = { texts: ({ name }: { name: string }) => [name], most: MOST };
  const failed = [tasks, environments, batches].filter(({ isError }) => enabled && isError);
  return {
    runs: runs.runs,
    tasks: enabled ? found(tasks.data ?? [], query, byName) : [],
    environments: enabled ? found(environments.data ?? [], query, byName) : [],
    batches: enabled ? found(batches.data ?? [], query, byName) : [],
    isPartial: runs.isPartial,
    isSearching: text.trim() !== query || runs.isSearching || [tasks, environments, batches].some(({ isLoading }) => isLoading),
    error: runs.error ?? failed[0]?.error ?? null,
    retry: () => {
      if (runs.error !== null) runs.retry();
      for (const each of failed) void each.refetch();
    },
  };
};
