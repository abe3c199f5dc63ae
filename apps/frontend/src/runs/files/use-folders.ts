import type { RunId } from "@ccr/protocol";
import { useQueries } from "@tanstack/react-query";
import { useRef } from "react";
import { useApi } from "../../api/client.ts";
import { describeError } from "../../api/errors.ts";
import type { Loaded } from "./tree.ts";
import { useFollowing } from "./use-following.ts";

/**
 * The root's and every open folder's entries, each asked for when it is opened, and followed until the run has `ended`: what is shown of an ended
 * run is never what was there before.
 */
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
  // While it is asked for again, what was wrong still is.
  const wrong = useRef<unknown>(null);
  if (root?.data !== undefined) wrong.current = null;
  else if (root?.error != null) wrong.current = root.error;
  // What could not be read waits until somebody tries again; but for the root, which is there as soon as there is a sandbox.
  useFollowing(!ended, () => {
    for (const [index, query] of queries.entries())
      if (index === 0 || query.data !== undefined) void query.refetch({ cancelRefetch: false });
  });
  const loaded = (folder: string): Loaded => {
    const query = queries[folders.indexOf(folder)];
    if (query?.data !== undefined) return { state: "loaded", listing: query.data };
    return query?.error == null ? { state: "loading" } : { state: "failed", problem: describeError(query.error) };
  };
  return {
    root,
    error: wrong.current,
    loaded,
    refetch: () => Promise.all(queries.map((query) => query.refetch())),
    retry: (folder: string) => void queries[folders.indexOf(folder)]?.refetch(),
  };
};
