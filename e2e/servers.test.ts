import type { Message } from "@ccr/protocol";
import { waitFor } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { subscribe } from "./src/server.ts";
import { atWork, expectWhole, launch, openWorld } from "./src/world.ts";

// Each has servers of its own, and mostly waits: they do so together.
describe.concurrent("several servers on one PostgreSQL", () => {
  it("drive each run once, and show every message of it on each of them", async () => {
    await using at = await openWorld();
    await using one = await at.serve("one", { CCR_MAX_CONCURRENT_RUNS: "1" });
    await using two = await at.serve("two", { CCR_MAX_CONCURRENT_RUNS: "1", CCR_TOKEN: one.token });
    const ids = [await launch(one, at.repository.path), await launch(one, at.repository.path)];
    const seen = ids.map(async (id) => {
      const live: Message[][] = await Promise.all([one, two].map((server) => Array.fromAsync(subscribe(server, id, null))));
      return live;
    });
    for (const id of ids) expect(await two.untilFinal(id)).toMatchObject({ status: "succeeded", reason: "passed" });
    for (const [index, id] of ids.entries()) {
      const stored = await expectWhole(one, id);
      for (const live of (await seen[index]) ?? []) expect(live).toEqual(stored);
    }
    // Both were busy: neither could take both.
    const drivers = await Promise.all(ids.map(async (id) => (await one.client.runs.byId.query({ id })).instanceId));
    expect(new Set(drivers).size).toBe(2);
  });

  it("hear of a person's wish to cancel on whichever of them", async () => {
    await using at = await openWorld();
    await using one = await at.serve("one");
    const id = await launch(one, at.repository.path);
    await atWork(one, id);
    await using two = await at.serve("two", { CCR_TOKEN: one.token });
    await two.client.runs.cancel.mutate({ id });
    expect(await two.untilFinal(id)).toMatchObject({ status: "canceled" });
  });

  it("go on from work that one of them keeps on that one, whichever is asked", async () => {
    await using at = await openWorld();
    await using one = await at.serve("one");
    const id = await launch(one, at.repository.path);
    await atWork(one, id);
    await using two = await at.serve("two", { CCR_TOKEN: one.token });
    await two.client.runs.cancel.mutate({ id });
    const canceled = await two.untilFinal(id);
    const next = await two.client.runs.followUp.mutate({ id, instructions: "Tick on." });
    // More often than the check allows; on the other server it would not even have begun.
    expect(await two.untilFinal(next.id)).toMatchObject({
      reason: "check_failed",
      baseCommit: canceled.baseCommit,
      continues: { runId: id, fromKept: [null] },
    });
    expect(JSON.stringify(await two.client.runs.messages.query({ id: next.id, after: 0, limit: 50 }))).toContain(
      `going on with the work of ${id}`,
    );
  });

  it("take over what a dead one leaves: a queued run at once, a running one within a lease", async () => {
    await using at = await openWorld();
    const one = await at.serve("one", { CCR_MAX_CONCURRENT_RUNS: "1" });
    const going = await launch(one, at.repository.path);
    const { instanceId } = await atWork(one, going);
    const queued = await launch(one, at.repository.path);
    one.process.kill("SIGKILL");
    await one.stop();
    await using two = await at.serve("two", { CCR_MAX_CONCURRENT_RUNS: "1", CCR_TOKEN: one.token });
    await waitFor(async () => (await two.client.runs.byId.query({ id: queued })).status !== "queued", { what: "the queued run" });
    expect(two.output()).not.toContain("is taken up");
    expect(await two.untilFinal(going)).toMatchObject({ status: "succeeded", reason: "passed", instanceId });
    await expectWhole(two, going);
    expect(await two.untilFinal(queued)).toMatchObject({ status: "succeeded", reason: "passed" });
    expect(await two.client.instances.list.query()).toEqual([]);
  });

  it("lock out one that was frozen for longer than a lease", async () => {
    await using at = await openWorld();
    await using one = await at.serve("one");
    const id = await launch(one, at.repository.path);
    const { instanceId } = await atWork(one, id);
    await using two = await at.serve("two", { CCR_TOKEN: one.token });
    one.process.kill("SIGSTOP");
    try {
      await waitFor(() => two.output().includes("is taken up"), { what: "the takeover" });
    } finally {
      one.process.kill("SIGCONT");
    }
    await waitFor(() => one.output().includes("another server drives this run now"), { what: "the lock-out" });
    expect(await two.untilFinal(id)).toMatchObject({ status: "succeeded", reason: "passed", instanceId });
    await expectWhole(two, id);
  });

  it("wait for a database that is gone, and lose nothing by it", async () => {
    await using at = await openWorld();
    await using one = await at.serve("one");
    const id = await launch(one, at.repository.path);
    await atWork(one, id);
    await at.postgres.stop("immediate");
    await waitFor(() => one.output().includes("cannot be used now"), { what: "the outage to be noticed" });
    await at.postgres.start();
    expect(await one.untilFinal(id)).toMatchObject({ status: "succeeded", reason: "passed" });
    await expectWhole(one, id);
  });
});
