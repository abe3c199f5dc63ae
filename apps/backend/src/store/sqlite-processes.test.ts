import { DatabaseSync } from "node:sqlite";
import { temporaryFolder } from "@ccr/testkit";
import { expect, test } from "vitest";
import { openSqliteStore } from "./sqlite.ts";
import { anyRun, claimRun, createTask, note, own, range } from "./suite/place.ts";
import { openSqlitePlace } from "./suite/sqlite-place.ts";

test("a database that another process keeps locked is unavailable, and usable again afterwards", async () => {
  await using place = await openSqlitePlace({ busyTimeoutMs: 20 });
  const { store } = place;
  const { run, fence } = await claimRun(store);
  {
    using other = new DatabaseSync(place.path);
    other.exec("begin immediate");
    const refused = await Promise.allSettled([
      store.transcript.append(run.id, fence, own(1, note("a"))),
      store.transcript.append(run.id, fence, own(1, note("b"))),
      store.queue.claimNext(anyRun),
      createTask(store),
    ]);
    for (const write of refused) expect(write).toMatchObject({ status: "rejected", reason: { code: "unavailable" } });
    // Reading, and opening a database whose schema is up to date, wait for nobody.
    expect(await (await place.open()).runs.find(run.id)).toMatchObject({ lastSeq: 0 });
    other.exec("rollback");
  }
  expect(await store.transcript.append(run.id, fence, own(1, note("c")))).toMatchObject([{ seq: 1, body: { text: "c" } }]);
});

test("many that open a new database at once all get a store on the same schema", async () => {
  await using folder = await temporaryFolder();
  await using stack = new AsyncDisposableStack();
  const path = folder.join("new", "ccr.db");
  const opened = await Promise.all(range(1, 8).map(async () => stack.use(await openSqliteStore({ path }))));
  const made = await Promise.all(opened.map((store) => createTask(store)));
  expect((await opened[0]?.tasks.list())?.map(({ id }) => id).toSorted()).toEqual(made.map(({ id }) => id).toSorted());
});
