import { type PostgresServer, startPostgres } from "@ccr/testkit";
import { afterAll, beforeAll } from "vitest";
import { openPostgresStore, type PostgresStoreOptions } from "../postgres.ts";
import type { Store } from "../types.ts";
import type { StorePlace } from "./place.ts";

export type PostgresPlace = StorePlace & { url: string };

/** A database of its own on this server. */
export const openPostgresPlace = async (
  server: PostgresServer,
  options: Omit<PostgresStoreOptions, "url"> = {},
): Promise<PostgresPlace> => {
  await using stack = new AsyncDisposableStack();
  const { url } = stack.use(await server.createDatabase());
  const stores = stack.use(new AsyncDisposableStack());
  const open = async (given: { now?: () => Date } = {}): Promise<Store> =>
    stores.use(await openPostgresStore({ url, ...options, ...given }));
  const store = await open();
  const rest = stack.move();
  return { url, address: url, store, open, [Symbol.asyncDispose]: () => rest.disposeAsync() };
};

/** One server for the test file that calls this, and places to open on it. */
export const usePostgres = () => {
  let started: PostgresServer | null = null;
  beforeAll(async () => {
    // No test that uses this looks at what a power cut leaves.
    started = await startPostgres({ fsync: false });
  });
  afterAll(() => started?.[Symbol.asyncDispose]());
  const server = (): PostgresServer => {
    if (started === null) throw new Error("PostgreSQL has not started.");
    return started;
  };
  const open = (options: Omit<PostgresStoreOptions, "url"> = {}): Promise<PostgresPlace> => openPostgresPlace(server(), options);
  return { server, open };
};
