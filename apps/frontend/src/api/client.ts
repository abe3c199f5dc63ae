import type { AppRouter } from "@ccr/backend/router";
import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { createTRPCClient, httpBatchLink, httpSubscriptionLink, splitLink, type TRPCClient } from "@trpc/client";
import { createTRPCOptionsProxy, type TRPCOptionsProxy } from "@trpc/tanstack-react-query";
import { createContext, useContext } from "react";
import { createAsking } from "./asking.ts";
import { isAskedAlone } from "./deadlines.ts";
import { statusOf } from "./errors.ts";
import { createReachability, type Reachability } from "./reachability.ts";

export type Client = TRPCClient<AppRouter>;

/** What the page talks to the server with. */
export type Api = {
  client: Client;
  trpc: TRPCOptionsProxy<AppRouter>;
  queries: QueryClient;
  reachability: Reachability;
  /** Asks every query that waits for its answer once more. */
  askAnew: () => void;
  /** For answers that do not go through `queries`: nobody is logged in. */
  onUnauthorized: () => void;
};

const retry = (failures: number, error: unknown): boolean => {
  const status = statusOf(error);
  return (status === null || status >= 500) && failures < 2;
};

/** Builds the client of this page's own server. `onUnauthorized` is called whenever an answer says that nobody is logged in. */
export const createApi = (onUnauthorized: () => void): Api => {
  const url = "/trpc";
  const reachability = createReachability();
  const asking = createAsking(reachability);
  const client = createTRPCClient<AppRouter>({
    links: [
      splitLink({
        condition: (operation) => operation.type === "subscription",
        true: httpSubscriptionLink({ url }),
        false: [
          asking.link,
          splitLink({
            condition: isAskedAlone,
            true: httpBatchLink({ url, maxItems: 1 }),
            // Longer URLs are refused by some proxies; the batch is then cut in two.
            false: httpBatchLink({ url, maxURLLength: 4000, maxItems: 20 }),
          }),
        ],
      }),
    ],
  });
  const onError = (error: unknown): void => {
    if (statusOf(error) === 401) onUnauthorized();
  };
  const queries = new QueryClient({
    queryCache: new QueryCache({ onError }),
    mutationCache: new MutationCache({ onError }),
    defaultOptions: {
      // A server on loopback answers also when the browser believes itself offline.
      queries: { retry, networkMode: "always", staleTime: 1000, refetchOnWindowFocus: true },
      mutations: { retry: false, networkMode: "always" },
    },
  });
  return {
    client,
    queries,
    reachability,
    askAnew: asking.askAnew,
    onUnauthorized,
    trpc: createTRPCOptionsProxy<AppRouter>({ client, queryClient: queries }),
  };
};

export const ApiContext = createContext<Api | null>(null);

/** The page's API; throws outside of the provider. */
export const useApi = (): Api => {
  const api = useContext(ApiContext);
  if (api === null) throw new Error("useApi is used outside of ApiContext");
  return api;
};
