import { DatabaseSync } from "node:sqlite";
import { CreateEnvironmentInput, changedFields, NO_DEFAULTS } from "@ccr/protocol";
import { temporaryFolder } from "@ccr/testkit";
import { expect, test } from "vitest";
import { openSqliteStore } from "../sqlite.ts";
import { createTask, queueRun } from "../suite/place.ts";

test("what was stored before anything had a network of its own is read as having none, and is no other version by that", async () => {
  await using folder = await temporaryFolder();
  const path = folder.join("store.sqlite");
  const ids = await (async () => {
    await using store = await openSqliteStore({ path });
    const made = await store.environments.create(CreateEnvironmentInput.parse({ name: "E", network: "packages" }));
    const { version: _, createdAt: __, updatedAt: ___, ...environment } = made;
    const run = await queueRun(store, { environment });
    const task = await createTask(store);
    await store.tasks.update({ id: task.id, defaults: { ...NO_DEFAULTS, model: "opus" } });
    await store.tasks.update({ id: task.id, name: "Renamed" });
    return { environment: made.id, run: run.id, task: task.id };
  })();
  const database = new DatabaseSync(path);
  database.exec(`
    update environments set definition = json_remove(definition, '$.network', '$.allowedHosts');
    update runs set environment = json_remove(environment, '$.network', '$.allowedHosts');
    update tasks set defaults = json_remove(defaults, '$.network');
    update task_versions set content = json_remove(content, '$.defaults.network');
  `);
  database.close();

  await using store = await openSqliteStore({ path });
  const none = { network: "none", allowedHosts: [] };
  const environment = await store.environments.find(ids.environment);
  expect(environment).toMatchObject({ ...none, version: 1 });
  expect(await store.environments.update({ id: ids.environment, ...CreateEnvironmentInput.parse({ name: "E" }) })).toEqual(
    environment,
  );
  expect(await store.runs.find(ids.run)).toMatchObject({ network: "none", networkBy: null, environment: none });
  const versions = ((await store.tasks.listVersions(ids.task)) ?? []).map(({ content }) => content);
  expect(versions.map(({ defaults }) => [defaults.model, defaults.network])).toEqual([
    ["opus", null],
    ["opus", null],
    [null, null],
  ]);
  const [third, second, first] = versions;
  if (first === undefined || second === undefined || third === undefined) throw new Error("versions are missing");
  expect([changedFields(first, second), changedFields(second, third)]).toEqual([["defaults"], ["name"]]);
  expect(await store.tasks.update({ id: ids.task, defaults: second.defaults })).toMatchObject({ version: 3 });
});
