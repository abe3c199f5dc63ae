import type { ServerInfo } from "@ccr/protocol";
import { useQuery } from "@tanstack/react-query";
import { useApi } from "./client.ts";

/** What the server says of itself; undefined until it has answered. */
export const useServerInfo = (): ServerInfo | undefined => {
  const { trpc } = useApi();
  return useQuery(trpc.server.info.queryOptions(undefined, { staleTime: 60_000 })).data;
};
