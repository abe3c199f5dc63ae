import { waitFor } from "@ccr/testkit";
import { describe, expect, test } from "vitest";
import {
  anyRun,
  claimRun,
  createTask,
  endRun,
  errorOf,
  ids,
  newBatch,
  newRun,
  note,
  type OpenPlace,
  otherServer,
  own,
  queueRun,
} from "./place.ts";

const message = (host: string, port = 443) => ({
  source: "runner" as const,
  body: { type: "egress_allowed" as const, host, port },
});
const allowing = (host: string, port = 443) =>
  [
    { host, port },
    { most: 3, message: message(host, port) },
  ] as const;

export const describeAllowedHosts = (open: OpenPlace): void => {
  describe("what people let runs reach", () => {
    test("is kept with the run, and told in its transcript in the same commit, once", async () => {
      await using place = await open();
      const { store } = place;
      const { run, fence } = await claimRun(store);
      await store.transcript.append(run.id, fence, own(1, note("before")));
      const added = await store.allowedHosts.add(run.id, ...allowing("a.test"));
      expect(added).toMatchObject({ kind: "allowed", run: { lastSeq: 2, allowedHosts: [{ host: "a.test", ports: [443] }] } });
      expect(await store.allowedHosts.add(run.id, ...allowing("a.test"))).toEqual(added);
      await store.allowedHosts.add(run.id, ...allowing("a.test", 8443));
      await store.transcript.append(run.id, fence, own(2, note("after")));
      const rules = [{ host: "a.test", ports: [443, 8443] }];
      const elsewhere = await place.open();
      expect(await elsewhere.allowedHosts.list(run.id)).toEqual(rules);
      expect((await elsewhere.runs.find(run.id))?.allowedHosts).toEqual(rules);
      const messages = await store.transcript.read(run.id, { after: 0, limit: 9 });
      expect(messages.map(({ seq, body }) => `${seq} ${body.type}`)).toEqual([
        "1 note",
        "2 egress_allowed",
        "3 egress_allowed",
        "4 note",
      ]);
    });

    test("is added by several servers at once, and none is lost or doubled", async () => {
      await using place = await open();
      const { store } = place;
      const other = await place.open();
      const { run } = await claimRun(store);
      const hosts = ["a.test", "b.test", "c.test"];
      await Promise.all(
        [...hosts, ...hosts].map((host, index) => (index % 2 === 0 ? store : other).allowedHosts.add(run.id, ...allowing(host))),
      );
      expect((await store.allowedHosts.list(run.id)).map(({ host }) => host).sort()).toEqual(hosts);
      expect((await store.runs.find(run.id))?.lastSeq).toBe(3);
    });

    test("is for runs that have not ended and that are there, and for so many hosts", async () => {
      await using place = await open();
      const { store } = place;
      const claim = await claimRun(store);
      const { id } = claim.run;
      for (const port of [1, 2, 3]) await store.allowedHosts.add(id, ...allowing("a.test", port));
      expect(await store.allowedHosts.add(id, ...allowing("b.test"))).toEqual({ kind: "full" });
      expect(await store.allowedHosts.add(id, ...allowing("a.test", 3))).toMatchObject({ kind: "allowed" });
      await store.runs.advance(id, { from: ["starting"], to: "canceling" });
      expect(await store.allowedHosts.add(id, ...allowing("a.test", 3))).toEqual({ kind: "ended", status: "canceling" });
      await endRun(store, claim);
      expect(await store.allowedHosts.add(id, ...allowing("c.test"))).toEqual({ kind: "ended", status: "succeeded" });
      expect((await store.runs.find(id))?.lastSeq).toBe(3);
      expect(await errorOf(store.allowedHosts.add(ids.run(), ...allowing("a.test")))).toMatchObject({ code: "not_found" });
      expect(await errorOf(store.allowedHosts.list(ids.run()))).toMatchObject({ code: "not_found" });
    });

    test("is known to whoever claims the run, or takes it over, and to the run that takes its place in a batch", async () => {
      await using place = await open();
      const { store } = place;
      const queued = await queueRun(store);
      await store.allowedHosts.add(queued.id, ...allowing("a.test"));
      const rules = [{ host: "a.test", ports: [443] }];
      const claim = await store.queue.claimNext(anyRun);
      expect(claim?.run).toMatchObject({ id: queued.id, allowedHosts: rules });
      await store.allowedHosts.add(queued.id, ...allowing("b.test"));
      const [lease] = await store.queue.leases();
      const taken = lease === undefined ? null : await store.queue.takeOver(lease, otherServer);
      expect(taken?.run.allowedHosts).toEqual([...rules, { host: "b.test", ports: [443] }]);

      const { run: launched } = await store.runs.create(newRun(await createTask(store), { allowedHosts: rules }));
      expect(launched.allowedHosts).toEqual(rules);
      const { batch } = await store.batches.create(await newBatch(store, { repositories: ["ada/a"] }));
      const [member] = await store.runs.list({ batchId: batch.id, limit: 1 });
      if (member === undefined) throw new Error("the batch has no run");
      await store.allowedHosts.add(member.id, ...allowing("a.test"));
      await store.runs.advance(member.id, {
        from: ["queued"],
        to: "failed",
        patch: { reason: "check_failed", sentence: "It failed." },
      });
      const [again] = (await store.batches.retry(batch.id)) ?? [];
      expect(again === undefined ? null : (await store.runs.find(again))?.allowedHosts).toEqual(rules);
    });

    test("wakes those who listen and those who read along, in this process and in others", { timeout: 20_000 }, async () => {
      await using place = await open();
      const { store } = place;
      const other = await place.open();
      const { run } = await claimRun(store);
      const heard = [0, 0];
      const gone = new AbortController();
      const seen = [store, other].map(async ({ transcript }) => {
        for await (const { body } of transcript.follow(run.id, { after: 0 }, gone.signal)) return body.type;
        return null;
      });
      const stops = [store, other].map(({ allowedHosts }, who) =>
        allowedHosts.listen(run.id, () => {
          heard[who] = (heard[who] ?? 0) + 1;
        }),
      );
      await waitFor(() => heard.every((count) => count >= 2), { what: "the first calls, and those for everything" });
      const before = [...heard];
      await store.allowedHosts.add(run.id, ...allowing("a.test"));
      await waitFor(() => heard.every((count, who) => count > (before[who] ?? 0)), { what: "both to hear of it" });
      expect(await Promise.all(seen)).toEqual(["egress_allowed", "egress_allowed"]);
      for (const stop of stops) stop();
      const after = [...heard];
      await store.allowedHosts.add(run.id, ...allowing("b.test"));
      expect(heard).toEqual(after);
      gone.abort();
    });
  });
};
