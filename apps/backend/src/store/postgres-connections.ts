import { setTimeout as delay } from "node:timers/promises";
import { CcrError } from "@ccr/protocol";
import { Client, type ClientConfig, Pool, TypeOverrides } from "pg";
import { parseIntoClientConfig } from "pg-connection-string";

export type PostgresLimits = {
  /** Connections of one server for statements; listening takes another one. */
  connections: number;
  /** How long a connection may take to be made, or to become free. */
  connectMs: number;
  /** How long the database may work on one statement, waiting for locks included. */
  statementMs: number;
  /** How long it may be silent beyond that, or when there is nothing to do: then its machine is taken to be gone. */
  silenceMs: number;
};

export const LIMITS: PostgresLimits = {
  // Writes take one, and reads wait for each other no longer than they do on a disk; a dozen servers fit PostgreSQL's own limit of 100.
  connections: 8,
  // A machine that is there answers within milliseconds, over any distance within a second; then the server may have to start a process.
  connectMs: 10_000,
  // A hundred times what the greatest commit takes: 64 MB of one message, or the deletion of a transcript of 100,000.
  statementMs: 30_000,
  // Longer than a server stops for a checkpoint or a proxy for a change of its routes.
  silenceMs: 5_000,
};

// The numbers of the types (select oid, typname from pg_type).
const INT8 = 20;
const NUMERIC = 1700;
const IDLE_MS = 30_000;
const KEEP_ALIVE_AFTER_MS = 10_000;
// A server that hangs does not say goodbye.
const GOODBYE_MS = 2_000;

/** How to connect to a database, and by what name to call it. */
export type PostgresAddress = { readonly name: string; readonly config: ClientConfig };

/** Counts and sums come as text, because they may be beyond 2^53; ours are far below. */
const numbers = (): TypeOverrides => {
  const types = new TypeOverrides();
  for (const type of [INT8, NUMERIC]) types.setTypeParser(type, Number);
  return types;
};

/** Reads a URL. What it leaves out comes from PGPASSWORD and the other variables of PostgreSQL's own programs. The name holds no password. */
export const parseAddress = (url: string): PostgresAddress => {
  try {
    const config: ClientConfig = { ...parseIntoClientConfig(url), types: numbers(), application_name: "claude-code-runner" };
    const { user, host, port, database } = new Client(config);
    const place = host.startsWith("/") ? `${host}:${port}` : `${host.includes(":") ? `[${host}]` : host}:${port}`;
    return { name: `postgres://${user}@${place}/${database}`, config };
  } catch (error) {
    // Not as the cause: what cannot be read of a URL may be its password.
    const reason = error instanceof Error && "code" in error && error.code !== "ERR_INVALID_URL" ? ` (${error.message})` : "";
    throw new CcrError(
      "unavailable",
      `DATABASE_URL cannot be used${reason}. Give it as postgres://user:password@host:port/database.`,
    );
  }
};

const connected = ({ config }: PostgresAddress, { connectMs }: PostgresLimits): ClientConfig => ({
  ...config,
  connectionTimeoutMillis: connectMs,
  keepAlive: true,
  keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
});

/** A client of its own, not connected yet, for listening. */
export const createClient = (address: PostgresAddress, limits: PostgresLimits): Client =>
  new Client({ ...connected(address, limits), query_timeout: limits.silenceMs });

/** Closes a connection, by force when the server does not answer. */
export const closeClient = async (client: Client): Promise<void> => {
  const closed = client.end();
  const patience = new AbortController();
  const impatient = delay(GOODBYE_MS, undefined, { signal: patience.signal }).then(
    () => client.connection.stream.destroy(),
    () => {}, // closed in time
  );
  await closed;
  patience.abort();
  await impatient;
};

export type Connections = {
  pool: Pool /** Resolves when every connection is closed; those in use are waited for. */;
  close: () => Promise<void>;
};

/** Connections that are made when they are needed, and closed when they have been idle. `statementMs` null: for migrations, which take their time. */
export const openConnections = (address: PostgresAddress, limits: PostgresLimits, statementMs: number | null): Connections => {
  const pool = new Pool({
    ...connected(address, limits),
    max: limits.connections,
    idleTimeoutMillis: IDLE_MS,
    ...(statementMs !== null && {
      statement_timeout: statementMs,
      query_timeout: statementMs + limits.silenceMs,
      // A process that was stopped within a transaction would keep every other server from claiming.
      idle_in_transaction_session_timeout: statementMs,
    }),
    onConnect: async (client) => {
      // Between statements nobody else listens, and an error without a listener ends the process. The next statement tells.
      client.on("error", () => {});
      // What is told to be stored must be, whatever was set for the database.
      await client.query(
        "select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'",
      );
    },
  });
  pool.on("error", () => {}); // an idle connection was lost: it is out of the pool, and the next statement makes another
  const open = new Set<Client>();
  let changed = (): void => {};
  pool.on("connect", (client) => open.add(client));
  pool.on("remove", (client) => {
    open.delete(client);
    changed();
  });
  const close = async (): Promise<void> => {
    await pool.end();
    const closed = new Promise<void>((resolve) => {
      changed = () => {
        if (open.size === 0) resolve();
      };
      changed();
    });
    const patience = setTimeout(() => {
      for (const client of open) client.connection.stream.destroy();
    }, GOODBYE_MS);
    await closed;
    clearTimeout(patience);
  };
  return { pool, close };
};
