import type { Config } from "../config.ts";
import { openPostgresStore, postgresName } from "../store/postgres.ts";
import { openSqliteStore } from "../store/sqlite.ts";
import type { Store } from "../store/types.ts";

/** Opens the database that the configuration names. */
export const openStore = ({ database }: Config): Promise<Store> =>
  database.kind === "sqlite" ? openSqliteStore({ path: database.path }) : openPostgresStore({ url: database.url });

/** What people call it; without a password. */
export const databaseName = ({ database }: Config): string =>
  database.kind === "sqlite" ? database.path : postgresName(database.url);
