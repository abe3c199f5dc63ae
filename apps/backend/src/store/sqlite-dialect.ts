import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  SqliteAdapter,
  type SqliteDatabase,
  SqliteDriver,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type SqliteStatement,
} from "kysely";
import { explainSqliteError } from "./sqlite-errors.ts";
import { storable } from "./stored-text.ts";

// The store asks some dozens of different questions; lists of different lengths multiply some of them.
const STATEMENTS_KEPT = 256;

const isSqliteValue = (value: unknown): value is SQLInputValue =>
  value === null ||
  typeof value === "string" ||
  typeof value === "number" ||
  typeof value === "bigint" ||
  value instanceof Uint8Array;

const toSqliteValue = (given: unknown): SQLInputValue => {
  const value = storable(given);
  if (isSqliteValue(value)) return value;
  throw new TypeError(`SQLite has no value for a ${typeof value}`);
};

/** The few methods of better-sqlite3 that Kysely asks for, on `node:sqlite`; errors come out as `CcrError`. */
const adapt = (database: DatabaseSync, name: string): SqliteDatabase => {
  const kept = new Map<string, SqliteStatement>();

  const explained = <Result>(action: () => Result): Result => {
    try {
      return action();
    } catch (error) {
      throw explainSqliteError(error, name);
    }
  };

  const wrap = (statement: StatementSync): SqliteStatement => ({
    reader: statement.columns().length > 0,
    all: (parameters) => explained(() => statement.all(...parameters.map(toSqliteValue))),
    run: (parameters) => explained(() => statement.run(...parameters.map(toSqliteValue))),
    iterate: (parameters) => explained(() => statement.iterate(...parameters.map(toSqliteValue))),
  });

  return {
    close: () => {
      kept.clear();
      database.close();
    },
    prepare: (sql) => {
      const known = kept.get(sql);
      if (known !== undefined) return known;
      const statement = explained(() => wrap(database.prepare(sql)));
      if (kept.size >= STATEMENTS_KEPT) for (const oldest of kept.keys()) if (kept.delete(oldest)) break;
      kept.set(sql, statement);
      return statement;
    },
  };
};

class NodeSqliteDriver extends SqliteDriver {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync, name: string) {
    super({ database: adapt(database, name) });
    this.#database = database;
  }

  /** Takes the write lock at once: a transaction that reads first and writes later can be refused in between, without any waiting. */
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw("begin immediate"));
  }

  /** SQLite has rolled back by itself when the disk is full; asking again would hide that error behind another. */
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#database.isTransaction) await super.rollbackTransaction(connection);
  }
}

class NodeSqliteAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

/** Kysely's dialect for a database of `node:sqlite`, which it closes when it is destroyed. `name` stands for it in error texts. */
export const nodeSqliteDialect = (database: DatabaseSync, name: string): Dialect => ({
  createAdapter: () => new NodeSqliteAdapter(),
  createDriver: () => new NodeSqliteDriver(database, name),
  createIntrospector: (db) => new SqliteIntrospector(db),
  createQueryCompiler: () => new SqliteQueryCompiler(),
});
