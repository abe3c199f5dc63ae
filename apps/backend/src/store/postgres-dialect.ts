import { CcrError } from "@ccr/protocol";
import {
  type CompiledQuery,
  type DatabaseConnection,
  type DataTypeNode,
  type Dialect,
  type Driver,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
  type TransactionSettings,
} from "kysely";
import type { Pool, PoolClient } from "pg";
import { endsConnection, explainPostgresError } from "./postgres-errors.ts";
import { storable } from "./stored-text.ts";

export type PostgresDialectOptions = {
  pool: Pool;
  /** Stands for the database in error texts. */
  name: string;
  /** Called when a connection was lost in use: whether the last statement on it took effect is not known. */
  onLost?: () => void;
  /** Called when the database is to be closed; resolves when every connection of the pool is. */
  close: () => Promise<void>;
};

class Connection implements DatabaseConnection {
  readonly #client: PoolClient;
  readonly #options: PostgresDialectOptions;
  #usable = true;

  constructor(client: PoolClient, options: PostgresDialectOptions) {
    this.#client = client;
    this.#options = options;
  }

  async executeQuery<Row>({ sql, parameters }: Pick<CompiledQuery, "sql" | "parameters">): Promise<QueryResult<Row>> {
    const { rows, rowCount } = await this.run(sql, parameters);
    return { rows, numAffectedRows: BigInt(rowCount ?? 0) };
  }

  async run(sql: string, parameters: readonly unknown[] = []) {
    try {
      return await this.#client.query(sql, parameters.map(storable));
    } catch (error) {
      if (endsConnection(error)) this.#lose();
      throw explainPostgresError(error, this.#options.name);
    }
  }

  async rollback(): Promise<void> {
    if (!this.#usable) return; // the server has rolled back, or does when it finds out
    // What went wrong before is what the caller must hear of. A connection in an unknown state is closed.
    await this.run("rollback").catch(() => this.#lose());
  }

  release(): void {
    this.#client.release(!this.#usable);
  }

  // biome-ignore lint/correctness/useYield: Kysely asks for this method, and nothing of ours uses it
  async *streamQuery(): AsyncIterableIterator<never> {
    throw new Error("The store reads in pages and streams no query.");
  }

  #lose(): void {
    this.#usable = false;
    this.#options.onLost?.();
  }
}

const own = (connection: DatabaseConnection): Connection => {
  if (connection instanceof Connection) return connection;
  throw new TypeError("This connection is another driver's.");
};

/** Instead of Kysely's own: errors come out as `CcrError`, and a failed rollback does not hide what was wrong before it. */
class PostgresDriver implements Driver {
  readonly #options: PostgresDialectOptions;

  constructor(options: PostgresDialectOptions) {
    this.#options = options;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    const { pool, name } = this.#options;
    try {
      return new Connection(await pool.connect(), this.#options);
    } catch (error) {
      throw explainPostgresError(error, name);
    }
  }

  async beginTransaction(connection: DatabaseConnection, { isolationLevel, accessMode }: TransactionSettings): Promise<void> {
    const level = isolationLevel === undefined ? "" : ` isolation level ${isolationLevel}`;
    await own(connection).run(`begin${level}${accessMode === undefined ? "" : ` ${accessMode}`}`);
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    const { command } = await own(connection).run("commit");
    if (command === "COMMIT") return;
    throw new CcrError("internal", `The database ${this.#options.name} rolled back, because a statement had failed before.`);
  }

  rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    return own(connection).rollback();
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    own(connection).release();
  }

  destroy(): Promise<void> {
    return this.#options.close();
  }
}

class Adapter extends PostgresAdapter {
  /** Whoever migrates holds a lock for the whole transaction, which ends with it also when it fails. */
  override async acquireMigrationLock(): Promise<void> {}
  override async releaseMigrationLock(): Promise<void> {}
}

/** Text columns sort and compare by the codes of their characters, as SQLite's do, whatever the database's language. */
class QueryCompiler extends PostgresQueryCompiler {
  protected override visitDataType(node: DataTypeNode): void {
    super.visitDataType(node);
    if (node.dataType === "text" && this.parentNode?.kind === "ColumnDefinitionNode") this.append(' collate "C"');
  }
}

/** Kysely's dialect for a pool of connections to PostgreSQL, which it closes when it is destroyed. */
export const postgresDialect = (options: PostgresDialectOptions): Dialect => ({
  createAdapter: () => new Adapter(),
  createDriver: () => new PostgresDriver(options),
  createIntrospector: (db) => new PostgresIntrospector(db),
  createQueryCompiler: () => new QueryCompiler(),
});
