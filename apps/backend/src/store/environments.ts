import { CcrError, type Environment, type EnvironmentId, FINAL_STATUSES, NO_NETWORK } from "@ccr/protocol";
import type { Kysely, Selectable } from "kysely";
import type { EnvironmentStore, Prepared } from "./environment-types.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { Ids } from "./ids.ts";
import { fromJson, toJson } from "./json.ts";
import type { Database, EnvironmentTable } from "./schema.ts";
import type { Clock } from "./tasks.ts";

type Definition = Pick<Environment, "image" | "setup" | "variables" | "network" | "allowedHosts">;

const TASKS_NAMED = 3;

const toEnvironment = (row: Selectable<EnvironmentTable>): Environment => ({
  id: row.id,
  name: row.name,
  ...NO_NETWORK,
  ...fromJson<Definition>(row.definition),
  secretNames: fromJson<string[]>(row.secret_names),
  generation: row.generation,
  version: row.version,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
});

const definitionOf = ({ image, setup, variables, network, allowedHosts }: Definition): string =>
  toJson({ image, setup, variables, network, allowedHosts }, "The environment");

const refuseVersion = ({ version }: Environment, expected: number): CcrError =>
  new CcrError(
    "conflict",
    `The environment was saved by somebody else meanwhile: it is at version ${version}, and this change began from version ${expected}. Nothing was saved; look at their version, and save again.`,
  );

export const createEnvironmentStore = (parts: {
  db: Kysely<Database>;
  commits: GroupCommit;
  ids: Ids;
  now: Clock;
}): EnvironmentStore => {
  const { db, commits, ids, now } = parts;
  /** Reads and writes as one, whoever else writes at the same time. */
  const change = (
    id: EnvironmentId,
    next: (
      before: Environment,
    ) => Partial<
      Pick<Selectable<EnvironmentTable>, "name" | "definition" | "secret_names" | "generation" | "version" | "updated_at">
    > | null,
  ): Promise<Environment | null> =>
    commits.run(0, async (trx) => {
      // A write first: what is read after it is not changed by others before the end.
      const before = await trx
        .updateTable("environments")
        .set((eb) => ({ name: eb.ref("name") }))
        .where("id", "=", id)
        .returningAll()
        .executeTakeFirst();
      if (before === undefined) return null;
      const set = next(toEnvironment(before));
      if (set === null) return toEnvironment(before);
      return toEnvironment(
        await trx.updateTable("environments").set(set).where("id", "=", id).returningAll().executeTakeFirstOrThrow(),
      );
    });

  return {
    create: async (input) => {
      const at = now().toISOString();
      const row = {
        id: ids.environment(),
        name: input.name,
        created_at: at,
        updated_at: at,
        generation: 0,
        version: 1,
        secret_names: "[]",
        definition: definitionOf(input),
      };
      return toEnvironment(await db.insertInto("environments").values(row).returningAll().executeTakeFirstOrThrow());
    },

    find: async (id) => {
      const row = await db.selectFrom("environments").selectAll().where("id", "=", id).executeTakeFirst();
      return row === undefined ? null : toEnvironment(row);
    },

    list: async () => {
      const rows = await db.selectFrom("environments").selectAll().orderBy("created_at", "desc").orderBy("id", "desc").execute();
      return rows.map(toEnvironment);
    },

    update: ({ id, expectedVersion, ...given }) =>
      change(id, (before) => {
        if (expectedVersion !== undefined && expectedVersion !== before.version) throw refuseVersion(before, expectedVersion);
        const name = given.name ?? before.name;
        const definition = definitionOf({
          image: given.image ?? before.image,
          setup: given.setup === undefined ? before.setup : given.setup,
          variables: given.variables ?? before.variables,
          network: given.network ?? before.network,
          allowedHosts: given.allowedHosts ?? before.allowedHosts,
        });
        if (name === before.name && definition === definitionOf(before)) return null;
        return { name, definition, version: before.version + 1, updated_at: now().toISOString() };
      }),

    nameSecrets: (id, { add, remove }) =>
      change(id, ({ secretNames }) => {
        const names = new Set([...secretNames, ...add]);
        for (const name of remove) names.delete(name);
        return { secret_names: toJson([...names].sort(), "The environment") };
      }),

    renew: (id) => change(id, ({ generation }) => ({ generation: generation + 1 })),

    delete: (id) =>
      commits.run(0, async (trx) => {
        await trx.deleteFrom("default_environments").where("environment_id", "=", id).execute();
        const tasks = await trx
          .selectFrom("tasks")
          .select("name")
          .where("environment_id", "=", id)
          .where("is_quick", "=", 0)
          .orderBy("created_at")
          .execute();
        if (tasks.length > 0) {
          const names = tasks.slice(0, TASKS_NAMED).map(({ name }) => `"${name}"`);
          const more = tasks.length > TASKS_NAMED ? ` and ${tasks.length - TASKS_NAMED} more` : "";
          throw new CcrError(
            "conflict",
            `The environment is that of the task${tasks.length === 1 ? "" : "s"} ${names.join(", ")}${more}. Choose another one there first.`,
          );
        }
        // A task that was made for one run is among no tasks, so that nobody could choose another one there; its run has a copy.
        await trx.updateTable("tasks").set({ environment_id: null }).where("environment_id", "=", id).execute();
        const { numDeletedRows } = await trx.deleteFrom("environments").where("id", "=", id).executeTakeFirstOrThrow();
        return numDeletedRows > 0n;
      }),

    listDefaults: async () => {
      const rows = await db.selectFrom("default_environments").selectAll().orderBy("repository").execute();
      return rows.map((row) => ({ repository: row.repository, environmentId: row.environment_id }));
    },

    findDefault: async (repository) => {
      const row = await db
        .selectFrom("environments")
        .innerJoin("default_environments", "default_environments.environment_id", "environments.id")
        .selectAll("environments")
        .where("repository", "=", repository)
        .executeTakeFirst();
      return row === undefined ? null : toEnvironment(row);
    },

    setDefault: async (repository, id) => {
      if (id === null) {
        await db.deleteFrom("default_environments").where("repository", "=", repository).execute();
        return;
      }
      await commits.run(0, async (trx) => {
        // A write first, for the same reason as above.
        const { numUpdatedRows } = await trx
          .updateTable("environments")
          .set((eb) => ({ name: eb.ref("name") }))
          .where("id", "=", id)
          .executeTakeFirstOrThrow();
        if (numUpdatedRows === 0n)
          throw new CcrError("not_found", `There is no environment ${id}; environments.list shows those there are.`);
        await trx
          .insertInto("default_environments")
          .values({ repository, environment_id: id })
          .onConflict((conflict) => conflict.column("repository").doUpdateSet({ environment_id: id }))
          .execute();
      });
    },

    setupsInUse: async () => {
      const rows = await db
        .selectFrom("runs")
        .select("prepared")
        .where("prepared", "is not", null)
        .where("status", "not in", FINAL_STATUSES)
        .execute();
      const keys = rows.map(({ prepared }) => (prepared === null ? null : fromJson<Prepared>(prepared).setup));
      return new Set(keys.filter((key) => key !== null));
    },
  };
};
