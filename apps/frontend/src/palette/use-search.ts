import type { BatchView, EnvironmentView, RunView, Task } from "@ccr/protocol";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useApi } from "../api/client.ts";
import { findRuns } from "./find-runs.ts";
import { found } from "./matches.ts";

const MOST = 5;
/** Somebody who types is not asked for after each letter. */
const PAUSE_MS = 150;
const LATELY = { staleTime: 10_000 };

const useSettled = (text: string): string => {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
};

export type Found = {
  runs: readonly RunView[];
  tasks: readonly Task[];
  environments: readonly EnvironmentView[];
  batches: readonly BatchView[];
  isSearching: boolean;
};

/** What is found of a text, by name. Nothing is looked for without one. */
export const useSearch = (text: string): Found => {
  const { client, trpc } = useApi();
  const query = useSettled(text.trim());
  const enabled = query !== "";
  const runs = useQuery({
    queryKey: [...trpc.runs.list.queryKey(), "found", query],
    queryFn: ({ signal }) => findRuns(client, query, signal),
    placeholderData: keepPreviousData,
    enabled,
    ...LATELY,
  });
  const tasks = useQuery(trpc.tasks.list.queryOptions(undefined, { enabled, ...LATELY }));
  const environments = useQuery(trpc.environments.list.queryOptions(undefined, { enabled, ...LATELY }));
  const batches = useQuery(trpc.batches.list.queryOptions({}, { enabled, ...LATELY }));
  const byName = { texts: ({ name }: { name: string }) => [name], most: MOST };
  return {
    runs: enabled ? (runs.data ?? []) : [],
    tasks: enabled ? found(tasks.data ?? [], query, byName) : [],
    environments: enabled ? found(environments.data ?? [], query, byName) : [],
    batches: enabled ? found(batches.data ?? [], query, byName) : [],
    isSearching: text.trim() !== query || (enabled && runs.isFetching),
  };
};
