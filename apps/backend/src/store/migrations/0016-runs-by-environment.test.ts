import { DatabaseSync } from "node:sqlite";
import { CreateEnvironmentInput } from "@ccr/protocol";
import { temporaryFolder } from "@ccr/testkit";
import { expect, test } from "vitest";
import { openSqliteStore } from "../sqlite.ts";
import { queueRun } from "../suite/place.ts";

test("runs of the time before are found by their environment", async () => {
  await using folder = await temporaryFolder();
  const path = folder.join("store.sqlite");
  const ids = await (async () => {
    await using store = await openSqliteStore({ path });
    const made = await store.environments.create(CreateEnvironmentInput.parse({ name: "E" }));
    const { version: _, createdAt: __, updatedAt: ___, ...environment } = made;
    const run = await queueRun(store, { environment });
    await queueRun(store);
    return { environment: made.id, run: run.id };
  })();
  const database = new DatabaseSync(path);
  database.exec(`
    drop index runs_by_environment;
    alter table runs drop column environment_id;
    delete from kysely_migration where name >= '0016';
  `);
  database.close();

  await using store = await openSqliteStore({ path });
  const { runs } = await store.listing.page({ sort: "newest", limit: 9, environmentId: ids.environment });
  expect(runs.map(({ id }) => id)).toEqual([ids.run]);
});
