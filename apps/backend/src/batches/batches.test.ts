import {
  BatchId,
  CreateBatchInput,
  DeliverySettings,
  type FinalStatus,
  NO_DEFAULTS,
  RunId,
  type RunReason,
  ServerId,
} from "@ccr/protocol";
import { expect, test } from "vitest";
import { systemClock } from "../runs/clock.ts";
import { IN_MEMORY, openSqliteStore } from "../store/sqlite.ts";
import { delivered } from "../store/suite/delivered.ts";
import type { Claim } from "../store/types.ts";
import { createBatches } from "./batches.ts";

const owner = ServerId.parse("srv_0000000000");

/** The room over a real store; what it tells the dispatcher and the metrics is written down. */
const open = async () => {
  const store = await openSqliteStore({ path: IN_MEMORY });
  const [stopped, ended]: [RunId[], string[]] = [[], []];
  let woken = 0;
  const ignore = () => {};
  const metrics = {
    started: ignore,
    ended: ({ reason }: { status: FinalStatus; reason: RunReason }) => void ended.push(reason),
    relayed: ignore,
    leaseLost: ignore,
    takenOver: ignore,
    resumed: ignore,
    spool: ignore,
  };
  const withdrawn: number[] = [];
  const pushed: RunId[] = [];
  const unused = (): never => {
    throw new Error("not asked for here");
  };
  const dispatcher = {
    wake: () => {
      woken++;
    },
    stop: (id: RunId) => void stopped.push(id),
  };
  const batches = createBatches(
    {
      store,
      clock: systemClock,
      driver: { name: "bubblewrap" },
      images: null,
      metrics,
      log: () => {},
      outlet: {
        push: unused,
        propose: unused,
        withdraw: async (_run, number) => void withdrawn.push(number),
        author: { name: "A", email: "a@example.test" },
        linkTo: (id) => id,
        hide: (text) => text,
      },
      results: {
        push: async ({ id }) => {
          pushed.push(id);
          const run = await store.runs.find(id);
          if (run === null) throw new Error("no run");
          return { ...run, queue: null, outcome: null };
        },
      },
    },
    dispatcher,
  );
  const task = await store.tasks.create({ name: "T", steps: [{ instructions: "Go.", checks: "" }], allowNoChanges: false });
  const launch = (given: Partial<(typeof CreateBatchInput)["_zod"]["input"]> = {}) =>
    batches.create(CreateBatchInput.parse({ taskId: task.id, repositories: [{ repository: "a/b" }], ...given }));
  const claim = async (): Promise<Claim> => {
    const got = await store.queue.claimNext({ owner, perRepository: null, perTask: null });
    if (got === null) throw new Error("nothing could be claimed");
    return got;
  };
  const end = ({ run, fence }: Claim, reason: RunReason, to: FinalStatus) =>
    store.runs.advance(run.id, { from: ["starting", "canceling"], to, fence, patch: { reason, sentence: reason } });
  return {
    ...{ store, batches, task, launch, claim, end, stopped, ended, withdrawn, pushed, woken: () => woken },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
};

test("a launch that cannot be carried out launches nothing", async () => {
  await using at = await open();
  await expect(at.launch({ repositories: [{ repository: "a/b" }, { repository: "nonsense" }] })).rejects.toThrow("2. 'nonsense'");
  await at.store.tasks.delete(at.task.id);
  await expect(at.launch()).rejects.toMatchObject({ code: "not_found" });
  expect(await at.batches.list({ limit: 10 })).toEqual([]);
  expect(await at.store.runs.list({ limit: 10 })).toEqual([]);
  expect(at.woken()).toBe(0);
});

test("the same key gives the same batch, and refuses another one by what differs", async () => {
  await using at = await open();
  const key = { idempotencyKey: "k", attempts: 2 };
  const { id } = await at.launch(key);
  expect(await at.launch(key)).toMatchObject({ id });
  await expect(at.launch({ ...key, attempts: 3, limits: { turns: 1 } })).rejects.toMatchObject({
    code: "conflict",
    message: expect.stringContaining("other values for attempts and limits"),
  });
  expect(await at.store.runs.list({ limit: 10 })).toHaveLength(2);
});

test("each run may reach what the launch says, or else its task", async () => {
  await using at = await open();
  const { store } = at;
  const task = await store.tasks.create({
    ...{ name: "T", steps: [{ instructions: "Do it.", checks: "" }], allowNoChanges: false },
    defaults: { ...NO_DEFAULTS, network: "packages" },
  });
  const launch = async (given: Partial<CreateBatchInput>) => {
    const input = CreateBatchInput.parse({ taskId: task.id, repositories: [{ repository: "ada/a" }] });
    const { id } = await at.batches.create({ ...input, ...given });
    return (await store.runs.list({ batchId: id, limit: 9 })).map(({ network, networkBy, allowedHosts }) => [
      ...[network, networkBy, ...allowedHosts.map(({ host }) => host)],
    ]);
  };
  expect(await launch({ attempts: 2 })).toEqual([
    ["packages", "task"],
    ["packages", "task"],
  ]);
  const allowedHosts = [{ host: "a.test", ports: [443] }];
  expect(await launch({ network: "none", allowedHosts })).toEqual([["none", "launch", "a.test"]]);
});

test("pause and resume are idempotent, and refused for what was canceled", async () => {
  await using at = await open();
  const { id } = await at.launch({ attempts: 2 });
  await at.claim();
  expect(await at.batches.setPaused(id, true)).toMatchObject({ state: "paused" });
  expect(await at.batches.setPaused(id, true)).toMatchObject({
    state: "paused",
    counts: { statuses: { starting: 1, queued: 1 } },
  });
  const woken = at.woken();
  expect(await at.batches.setPaused(id, false)).toMatchObject({ state: "running" });
  expect(at.woken()).toBe(woken + 1);
  await at.batches.setPaused(id, true);
  expect(await at.batches.cancel(id)).toMatchObject({ state: "canceled", counts: { statuses: { canceling: 1, canceled: 1 } } });
  for (const paused of [true, false]) await expect(at.batches.setPaused(id, paused)).rejects.toMatchObject({ code: "conflict" });
});

test("cancel ends what waits, stops what goes on, and does both once", async () => {
  await using at = await open();
  const { id } = await at.launch({ attempts: 3 });
  const going = await at.claim();
  expect(await at.batches.cancel(id)).toMatchObject({ summary: "0 of 3 passed, 2 were canceled; 1 being canceled." });
  expect(at.stopped).toEqual([going.run.id]);
  expect(at.ended).toEqual(["canceled", "canceled"]);
  await at.end(going, "canceled", "canceled");
  expect(await at.batches.cancel(id)).toMatchObject({ state: "canceled", progress: { done: 3, total: 3 } });
  expect(at.ended).toHaveLength(2);
  expect(await at.batches.retry(id)).toEqual({ launched: 3 });
  expect(await at.batches.get(id)).toMatchObject({ state: "running", counts: { statuses: { queued: 3 } } });
});

test("choose delivers what waited for it, and closes the pull requests of the others", async () => {
  await using at = await open();
  const delivery = DeliverySettings.parse({ to: "pull_request" });
  const { id } = await at.launch({ attempts: 2, delivery });
  const [one, two] = [await at.claim(), await at.claim()];
  expect(one.run.delivery).toEqual({ ...delivery, when: "chosen" });
  for (const claim of [one, two]) await at.end(claim, "passed", "succeeded");
  // Somebody pushed the second one by hand.
  await at.store.deliveries.save(two.run.id, {
    additionalRepositories: [],
    delivered: delivered({ isFollowed: true }),
  });
  await at.batches.choose(one.run.id);
  expect([at.pushed, at.withdrawn]).toEqual([[one.run.id], [7]]);
  expect((await at.store.runs.find(two.run.id))?.delivered?.isFollowed).toBe(false);
  const rows = await at.batches.rows({ id, after: 0, limit: 10 });
  expect(rows.map(({ pullRequest, mark }) => [pullRequest?.number ?? null, mark])).toEqual([
    [null, "chosen"],
    [7, "closed"],
  ]);
  const single = await at.launch({ delivery });
  expect((await at.store.runs.list({ batchId: single.id, limit: 1 }))[0]?.delivery?.when).toBe("passed");
});

test("choose closes the others, and says the same when it is asked again", async () => {
  await using at = await open();
  const { id } = await at.launch({ attempts: 3 });
  const [one, two] = [await at.claim(), await at.claim()];
  await expect(at.batches.choose(one.run.id)).rejects.toMatchObject({ code: "conflict" });
  await at.end(one, "passed", "succeeded");
  const choice = await at.batches.choose(one.run.id);
  expect(choice).toEqual({ chosen: one.run.id, closed: expect.arrayContaining([two.run.id]) });
  expect(at.stopped).toEqual([two.run.id]);
  expect(at.ended).toEqual(["canceled"]);
  expect(await at.batches.choose(one.run.id)).toEqual(choice);
  expect(await at.batches.rows({ id, after: 0, limit: 10 })).toMatchObject([
    { runId: one.run.id, mark: "chosen", outcome: { name: "passed" } },
    { mark: "closed", status: "canceling", outcome: null },
    { mark: "closed", status: "canceled", outcome: { name: "canceled" } },
  ]);
  // Nothing that was closed is launched again.
  await at.end(two, "canceled", "canceled");
  expect(await at.batches.retry(id)).toEqual({ launched: 0 });
});

test("what is not there is not found, whatever is asked of it", async () => {
  await using at = await open();
  const id = BatchId.parse("bat_0123456789");
  const { batches } = at;
  for (const asked of [
    batches.get(id),
    batches.rows({ id, after: 0, limit: 10 }),
    batches.setPaused(id, true),
    batches.cancel(id),
    batches.retry(id),
    batches.choose(RunId.parse("run_0123456789")),
  ])
    await expect(asked).rejects.toMatchObject({ code: "not_found" });
  const { id: there } = await at.launch();
  expect(await batches.rows({ id: there, after: 1, limit: 10 })).toEqual([]);
});
