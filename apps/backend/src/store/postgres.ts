import { randomBytes } from "node:crypto";
import { CcrError } from "@ccr/protocol";
import { Kysely, sql, type Transaction } from "kysely";
import { createStore } from "./create-store.ts";
import type { Engine } from "./engine.ts";
import { createIds, type Ids } from "./ids.ts";
import { migrate } from "./migrations/index.ts";
import {
  type Connections,
  LIMITS,
  openConnections,
  type PostgresAddress,
  type PostgresLimits,
  parseAddress,
} from "./postgres-connections.ts";
import { postgresDialect } from "./postgres-dialect.ts";
import { notify, watchNotifications } from "./postgres-watch.ts";
import type { Database } from "./schema.ts";
import type { Store } from "./types.ts";

export type PostgresStoreOptions = {
  /** `postgres://user:password@host:port/database`, and what else node-postgres understands, such as `?host=/var/run/postgresql`. */
  url: string;
  now?: () => Date;
  ids?: Ids;
  limits?: Partial<PostgresLimits>;
};

// Advisory locks are numbers that all users of a database share: "CCR1" in ASCII.
const LOCK = 0x43435231;

/** Waits for whoever else holds the lock, on any server, and holds it until the transaction ends, however that happens. */
const exclusively = async (trx: Transaction<Database>): Promise<void> => {
  await sql`select pg_advisory_xact_lock(${sql.lit(LOCK)})`.execute(trx);
};

const open = (address: PostgresAddress, connections: Connections, onLost?: () => void): Kysely<Database> => {
  const { pool, close } = connections;
  return new Kysely<Database>({
    dialect: postgresDialect({ pool, close, name: address.name, ...(onLost !== undefined && { onLost }) }),
  });
};

/** What to call a database in front of people: its URL without the password. Throws `CcrError` when the URL cannot be used. */
export const postgresName = (url: string): string => parseAddress(url).name;

const checkServer = async (db: Kysely<Database>, name: string): Promise<void> => {
  const { rows } = await sql<{ encoding: string; standby: boolean }>`
    select current_setting('server_encoding') as encoding, pg_is_in_recovery() as standby`.execute(db);
  const encoding = rows[0]?.encoding;
  if (encoding !== "UTF8") {
    throw new CcrError(
      "conflict",
      `The database ${name} cannot hold every text: its encoding is ${encoding}. Make another one: createdb --encoding=UTF8 --template=template0.`,
    );
  }
  if (rows[0]?.standby === true) {
    throw new CcrError(
      "unavailable",
      `The database ${name} is a standby, which takes no writes. Point DATABASE_URL at the primary server.`,
    );
  }
};

/** Its own connection, for it may take longer than any statement later. */
const prepare = async (address: PostgresAddress, limits: PostgresLimits): Promise<void> => {
  const db = open(address, openConnections(address, { ...limits, connections: 1 }, null));
  try {
    await checkServer(db, address.name);
    await migrate(db, address.name, exclusively);
  } finally {
    await db.destroy();
  }
};

const sizeBytes = async (db: Kysely<Database>): Promise<number> => {
  const { rows } = await sql<{ bytes: number }>`select pg_database_size(current_database()) as bytes`.execute(db);
  return rows[0]?.bytes ?? 0;
};

/**
 * Opens the store in a PostgreSQL database that is there, bringing its schema up to date. Several servers may have it open; what one
 * stores the followers on the others see at once. Throws `CcrError` with one sentence, without a password, that says what to do when the
 * database cannot be reached, or belongs to a newer version or another program.
 */
export const openPostgresStore = async (options: PostgresStoreOptions): Promise<Store> => {
  const { url, now = () => new Date(), ids = createIds(now) } = options;
  const limits = { ...LIMITS, ...options.limits };
  const address = parseAddress(url);
  await prepare(address, limits);
  const losses = new Set<() => void>();
  const db = open(address, openConnections(address, limits, limits.statementMs), () => {
    for (const lost of losses) lost();
  });
  const origin = randomBytes(8).toString("hex");
  const engine: Engine = {
    db,
    exclusively,
    announce: (trx, runIds) => notify(trx, origin, runIds),
    watch: (changed, signal) => watchNotifications({ address, limits, origin, losses }, changed, signal),
    sizeBytes: () => sizeBytes(db),
  };
  return createStore({ engine, ids, now });
};
