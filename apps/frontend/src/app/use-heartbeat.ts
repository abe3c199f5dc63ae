import { useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useRef } from "react";
import { useApi } from "../api/client.ts";
import { useUnreachable } from "../api/use-unreachable.ts";
import { onWake } from "../api/waking.ts";

/** Asks the server now and then whether it is there, so that every page notices when it goes, and brings all up to date when it is back, or the page has slept. */
export const useHeartbeat = (): void => {
  const { trpc, queries, askAnew } = useApi();
  const gone = useUnreachable()?.what === "server";
  useQuery(trpc.server.info.queryOptions(undefined, { staleTime: 60_000, retry: false, refetchInterval: gone ? 2000 : 5000 }));
  const renew = useCallback(() => {
    // What was asked before may wait for an answer that never comes.
    askAnew();
    void queries.invalidateQueries(undefined, { cancelRefetch: false });
  }, [askAnew, queries]);
  const wasGone = useRef(false);
  useEffect(() => {
    if (wasGone.current && !gone) renew();
    wasGone.current = gone;
  }, [gone, renew]);
  useEffect(() => onWake(renew), [renew]);
};
