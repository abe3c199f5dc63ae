import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { useApi } from "../api/client.ts";
import { useUnreachable } from "../api/use-unreachable.ts";

/** Asks the server now and then whether it is there, so that every page notices when it goes, and brings all up to date when it is back. */
export const useHeartbeat = (): void => {
  const { trpc, queries } = useApi();
  const gone = useUnreachable()?.what === "server";
  useQuery(trpc.server.info.queryOptions(undefined, { staleTime: 60_000, retry: false, refetchInterval: gone ? 2000 : 5000 }));
  const wasGone = useRef(false);
  useEffect(() => {
    if (wasGone.current && !gone) void queries.invalidateQueries();
    wasGone.current = gone;
  }, [gone, queries]);
};
