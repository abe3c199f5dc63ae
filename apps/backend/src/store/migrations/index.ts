import { CcrError } from "@ccr/protocol";
import { type Kysely, sql } from "kysely";
import { DEFAULT_MIGRATION_TABLE, type Migration, Migrator } from "kysely/migration";
import type { Engine } from "../engine.ts";
import type { Database } from "../schema.ts";
import { initial } from "./0001-initial.ts";
import { leases } from "./0002-leases.ts";
import { identity } from "./0003-identity.ts";
import { outcomes } from "./0004-outcomes.ts";
import { delivery } from "./0005-delivery.ts";
import { batched } from "./0006-batches.ts";
import { environments } from "./0007-environments.ts";
import { additionalRepositories } from "./0008-additional-repositories.ts";
import { runList } from "./0009-run-list.ts";
import { taskVersions } from "./0010-task-versions.ts";
import { talk } from "./0011-talk.ts";
import { spend } from "./0012-spend.ts";
import { allowedHosts } from "./0013-allowed-hosts.ts";
import { network } from "./0014-network.ts";
import { budgets } from "./0015-budgets.ts";
import { runsByEnvironment } from "./0016-runs-by-environment.ts";

/** Every step of the schema, in the order of the names. A step that was released is never changed: another one is added. */
const migrations: Record<string, Migration> = {
  "0001-initial": initial,
  "0002-leases": leases,
  "0003-identity": identity,
  "0004-outcomes": outcomes,
  "0005-delivery": delivery,
  "0006-batches": batched,
  "0007-environments": environments,
  "0008-additional-repositories": additionalRepositories,
  "0009-run-list": runList,
  "0010-task-versions": taskVersions,
  "0011-talk": talk,
  "0012-spend": spend,
  "0013-allowed-hosts": allowedHosts,
  "0014-network": network,
  "0015-budgets": budgets,
  "0016-runs-by-environment": runsByEnvironment,
};

const stepsTaken = async (db: Kysely<Database>): Promise<string[]> => {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some((table) => table.name === DEFAULT_MIGRATION_TABLE)) return [];
  const { rows } = await sql<{ name: string }>`select name from ${sql.table(DEFAULT_MIGRATION_TABLE)}`.execute(db);
  return rows.map((row) => row.name);
};

const stepsMissing = async (db: Kysely<Database>, place: string): Promise<boolean> => {
  const taken = await stepsTaken(db);
  const newer = taken.filter((name) => !Object.hasOwn(migrations, name));
  if (newer.length === 0) return taken.length < Object.keys(migrations).length;
  throw new CcrError(
    "conflict",
    `The database ${place} was written by a newer version of this program (${newer.join(", ")}). Start that version, or point this one at another database.`,
  );
};

/**
 * Brings the schema up to this version, in one transaction, so that servers that start at the same moment do it once. Throws `CcrError`
 * with `conflict`, and changes nothing, when a newer version has written the schema. `place` names the database in that sentence;
 * `exclusively` is the engine's, where a transaction alone keeps nobody waiting.
 */
export const migrate = async (db: Kysely<Database>, place: string, exclusively?: Engine["exclusively"]): Promise<void> => {
  // The usual case needs no write lock. Where there is another lock, a look without it could meet tables that are being made.
  if (exclusively === undefined && !(await stepsMissing(db, place))) return;
  await db.transaction().execute(async (trx) => {
    await exclusively?.(trx);
    if (!(await stepsMissing(trx, place))) return;
    const { error } = await new Migrator({ db: trx, provider: { getMigrations: async () => migrations } }).migrateToLatest();
    if (error !== undefined) throw error;
  });
};
