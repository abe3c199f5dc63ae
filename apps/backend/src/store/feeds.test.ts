import { DatabaseSync } from "node:sqlite";
import type { RunId } from "@ccr/protocol";
import { waitFor } from "@ccr/testkit";
import { Kysely } from "kysely";
import { expect, test } from "vitest";
import type { Stored } from "./feed.ts";
import { Feeds } from "./feeds.ts";
import type { Database } from "./schema.ts";
import { nodeSqliteDialect } from "./sqlite-dialect.ts";
import { claimRun, collect, endRun, errorOf, notes, range, readAll, seqs } from "./suite/place.ts";
import { openSqlitePlace } from "./suite/sqlite-place.ts";

const soon = (): AbortSignal => AbortSignal.timeout(30_000);

/** A run in a database, and feeds on it that hear of it only what the test tells them. */
const openFeeds = async () => {
  await using stack = new AsyncDisposableStack();
  const place = stack.use(await openSqlitePlace());
  const claim = await claimRun(place.store);
  const database = new DatabaseSync(place.path);
  const db = stack.use(new Kysely<Database>({ dialect: nodeSqliteDialect(database, place.path) }));
  const feeds = new Feeds(db, { listen: () => () => {} });
  const rest = stack.move();
  return { store: place.store, database, claim, feeds, [Symbol.asyncDispose]: () => rest.disposeAsync() };
};

const followInto = (feeds: Feeds, runId: RunId) => {
  const got: number[] = [];
  const ended = (async () => {
    for await (const { seq } of feeds.follow(runId, { after: 0 }, soon())) got.push(seq);
  })();
  ended.catch(() => {}); // looked at by the test
  return { got, ended };
};

test.each([
  { what: "in the middle of a batch", told: [[1, 2, 4, 5]] },
  { what: "at the beginning", told: [[3, 4, 5]] },
  {
    what: "between two batches",
    told: [
      [1, 2],
      [4, 5],
    ],
  },
  { what: "of several, in batches that are out of order within", told: [[1], [2, 5, 3, 4], [5]] },
  { what: "that is doubled instead", told: [[1, 2, 2, 3, 5]] },
])("a gap $what in what is told of the messages is filled from the database", async ({ told }) => {
  await using place = await openFeeds();
  const { feeds, claim, store } = place;
  const runId = claim.run.id;
  const { got, ended } = followInto(feeds, runId);
  await store.transcript.append(runId, claim.fence, notes(1, 5));
  const stored = (await readAll(store, runId)).map((message): Stored => ({ message, length: 10 }));
  for (const batch of told) {
    feeds.publish(
      runId,
      batch.flatMap((seq) => stored.filter(({ message }) => message.seq === seq)),
    );
  }
  await waitFor(() => got.length >= 5, { what: "five messages" });
  expect(got).toEqual(range(1, 5));
  feeds.noteStatus({ id: runId, lastSeq: 5, status: "succeeded" });
  await ended;
  expect(got).toEqual(range(1, 5));
});

test("messages that a try has stored without learning of it are told by their number alone", async () => {
  await using place = await openFeeds();
  const { feeds, claim, store } = place;
  const { got, ended } = followInto(feeds, claim.run.id);
  await store.transcript.append(claim.run.id, claim.fence, notes(1, 3));
  feeds.noteLast(claim.run.id, 3);
  await waitFor(() => got.length === 3, { what: "three messages" });
  feeds.noteStatus({ id: claim.run.id, lastSeq: 3, status: "failed" });
  await ended;
  expect(got).toEqual([1, 2, 3]);
});

test("a message that the database itself does not have any more ends the follower with an error: it is never passed over", async () => {
  await using place = await openFeeds();
  const { feeds, claim, store, database } = place;
  const runId = claim.run.id;
  await store.transcript.append(runId, claim.fence, notes(1, 5));
  await endRun(store, claim);
  database.exec("delete from messages where seq = 3");
  const { got, ended } = followInto(feeds, runId);
  expect(await errorOf(ended)).toMatchObject({ code: "internal", message: expect.stringContaining("no message 3") });
  expect(got).toEqual([1, 2]);
  expect(seqs(await collect(feeds.follow(runId, { after: 3 }, soon())))).toEqual([4, 5]);
});
