import type { RunId } from "@ccr/protocol";
import { useQueries } from "@tanstack/react-query";
import { useApi } from "../../api/client.ts";
import { describeError } from "../../api/errors.ts";
import type { Loaded } from "./tree.ts";

/** The root's and every open folder's entries, each asked for when it is opened. `ended`: what is shown of an ended run is never what was there before. */
export const useFolders = (runId: RunId, open: readonly string[], ended: boolean) => {
  const { trpc, client } = useApi();
  const folders = ["", ...open];
  const queries = useQueries({
    queries: folders.map((path) => ({
      queryKey: [...trpc.files.list.queryKey({ runId, path }), ended],
      queryFn: ({ signal }: { signal: AbortSignal }) => client.files.list.query({ runId, path }, { signal }),
      staleTime: ended ? Number.POSITIVE_INFINITY : 2000,
    })),
  });
  const [root] = queries;
  const loaded = (folder: string): Loaded => {
    const query = queries[folders.indexOf(folder)];
    if (query?.data !== undefined) return { state: "loaded", listing: query.data };
    return query?.error == null ? { state: "loading" } : { state: "failed", problem: describeError(query.error) };
  };
  return {
    root,
    loaded,
    isFetching: queries.some(({ isFetching }) => isFetching),
    refetch: () => Promise.all(queries.map((query) => query.refetch())),
    retry: (folder: string) => void queries[folders.indexOf(folder)]?.refetch(),
  };
};
