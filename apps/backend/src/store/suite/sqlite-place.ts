import { temporaryFolder } from "@ccr/testkit";
import { openSqliteStore, type SqliteStoreOptions } from "../sqlite.ts";
import type { Store } from "../types.ts";
import type { StorePlace } from "./place.ts";

/** An SQLite database in a folder of its own. */
export const openSqlitePlace = async (options: Omit<SqliteStoreOptions, "path"> = {}): Promise<StorePlace & { path: string }> => {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const path = folder.join("ccr.db");
  const stores = stack.use(new AsyncDisposableStack());
  const open = async (given: { now?: () => Date } = {}): Promise<Store> =>
    stores.use(await openSqliteStore({ path, ...options, ...given }));
  const store = await open();
  const rest = stack.move();
  return { path, address: path, store, open, [Symbol.asyncDispose]: () => rest.disposeAsync() };
};
