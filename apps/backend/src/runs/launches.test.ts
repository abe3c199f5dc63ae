import { CcrError, Continuation, CreateEnvironmentInput, NO_NETWORK, outcomeOf, type RunId, StartRunInput } from "@ccr/protocol";
import { expect, test } from "vitest";
import { IN_MEMORY, openSqliteStore } from "../store/sqlite.ts";
import { anyRun, claimRun, createTask, endRun, ids, newRun, otherServer, queueRun } from "../store/suite/place.ts";
import { copyOf } from "./environment.ts";
import { createLaunches } from "./launches.ts";

/** The room over a real store, without anybody who drives runs. */
const open = async () => {
  const store = await openSqliteStore({ path: IN_MEMORY });
  let woken = 0;
  const get = async (id: RunId) => {
    const run = await store.runs.find(id);
    if (run === null) throw new CcrError("not_found", `There is no run ${id}.`);
    return { ...run, queue: null, outcome: outcomeOf(run) };
  };
  const cancel = async (id: RunId) => {
    await store.runs.advance(id, { from: ["queued"], to: "canceled", patch: { reason: "canceled", sentence: "Canceled." } });
    await store.runs.advance(id, { from: ["starting", "running"], to: "canceling" });
    return get(id);
  };
  const dispatcher = {
    wake: () => {
      woken++;
    },
  };
  const deps = {
    store,
    server: anyRun.owner,
    work: { find: async () => null },
    driver: { name: "bubblewrap" as const },
    images: null,
  };
  const launches = createLaunches(deps, { runs: { get, cancel }, dispatcher });
  return { store, launches, woken: () => woken, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
};

const start = { repository: "https://github.com/ada/engine.git", prompt: "Fix the build\nplease", checks: "$ npm test" };

test("a few words become a run with a task of its own, named after them", async () => {
  await using place = await open();
  const input = StartRunInput.parse({
    ...start,
    ref: "main",
    limits: { turns: 7 },
    delivery: { to: "branch" },
    idempotencyKey: "k",
  });
  const run = await place.launches.start(input);
  expect(run).toMatchObject({
    taskName: "Fix the build",
    steps: [{ instructions: start.prompt, checks: start.checks }],
    ref: "main",
    limits: { turns: 7 },
    delivery: { to: "branch" },
    status: "queued",
  });
  expect(place.woken()).toBe(1);
  // An answer that was lost is asked for again.
  expect((await place.launches.start(input)).id).toBe(run.id);
  await expect(place.launches.start({ ...input, prompt: "Other" })).rejects.toMatchObject({ code: "conflict" });
  await expect(place.launches.start({ ...input, repository: "file:///etc" })).rejects.toMatchObject({ code: "bad_request" });
  expect(await place.store.tasks.list()).toEqual([]);
  expect(await place.store.runs.list({ limit: 9 })).toHaveLength(1);
});

test("an environment that has something to set up becomes a run that does only that", async () => {
  await using place = await open();
  const { launches, store } = place;
  const { environments } = store;
  const create = (input: object) => environments.create(CreateEnvironmentInput.parse({ name: "E", ...input }));
  const { id } = await create({ setup: { script: "true" } });
  const input = { id, repository: start.repository, ref: "main", idempotencyKey: "k" };
  const run = await launches.setUp(input);
  expect(run).toMatchObject({ taskName: "Set up E", steps: [], ref: "main", environment: { id }, status: "queued" });
  expect((await launches.setUp(input)).id).toBe(run.id);
  await expect(launches.setUp({ ...input, ref: "other" })).rejects.toMatchObject({ code: "conflict" });
  // A key is the environment's own.
  const other = await create({ setup: { script: "false" } });
  expect((await launches.setUp({ ...input, id: other.id })).id).not.toBe(run.id);
  expect(await store.tasks.list()).toEqual([]);

  const nothing = await create({ variables: { A: "b" } });
  await expect(launches.setUp({ ...input, id: nothing.id })).rejects.toThrow("has no set-up: give it a script first");
  const unavailable = await create({ image: { kind: "devcontainer" } });
  await expect(launches.setUp({ ...input, id: unavailable.id })).rejects.toThrow("which has no images");
  await environments.delete(other.id);
  await expect(launches.setUp({ ...input, id: other.id })).rejects.toMatchObject({ code: "not_found" });
  await expect(launches.setUp({ ...input, repository: "no repository" })).rejects.toMatchObject({ code: "bad_request" });

  await launches.cancelMany({ ids: [run.id] });
  expect(await launches.retry({ id: run.id })).toMatchObject({ steps: [], environment: { id }, status: "queued" });
});

test("nothing is delivered unless it is asked for, and the repository's environment is taken unless none is wanted", async () => {
  await using place = await open();
  const { environments } = place.store;
  const environment = await environments.create({
    name: "E",
    image: { kind: "default" },
    setup: null,
    variables: {},
    ...NO_NETWORK,
  });
  await environments.setDefault("https://github.com/ada/engine", environment.id);
  const run = await place.launches.start(StartRunInput.parse(start));
  expect(run).toMatchObject({ delivery: null, environment: { id: environment.id } });
  expect((await place.launches.start(StartRunInput.parse({ ...start, environmentId: null }))).environment).toBeNull();
});

test("what it may reach is as the launch says, or else the environment, and as those say today when it is launched again", async () => {
  await using place = await open();
  const { store, launches } = place;
  const allowedHosts = [{ host: "environment.test", ports: [443] }];
  const input = { name: "E", image: { kind: "default" as const }, setup: null, variables: {} };
  const { id } = await store.environments.create({ ...input, network: "packages", allowedHosts });
  const asked = { ...start, environmentId: id };
  const usual = await launches.start(StartRunInput.parse(asked));
  // The hosts of the environment stay with it: nobody allowed them this run alone.
  expect(usual).toMatchObject({ network: "packages", networkBy: "environment", allowedHosts: [], environment: { allowedHosts } });
  const ours = [{ host: "launch.test", ports: [443, 8443] }];
  const given = StartRunInput.parse({ ...asked, network: "none", allowedHosts: ours, idempotencyKey: "k" });
  const said = await launches.start(given);
  expect(said).toMatchObject({ network: "none", networkBy: "launch", allowedHosts: ours });
  expect((await launches.start(given)).id).toBe(said.id);
  const other: [Partial<StartRunInput>, string][] = [
    [{ network: "packages" }, "network"],
    [{ network: undefined }, "network"],
    [{ allowedHosts: [{ host: "other.test", ports: [443] }] }, "allowedHosts"],
  ];
  for (const [change, field] of other)
    await expect(launches.start({ ...given, ...change })).rejects.toThrow(`another value for ${field}`);
  // What an environment says by now makes no other launch of the same.
  const keyed = StartRunInput.parse({ ...asked, idempotencyKey: "usual" });
  const first = await launches.start(keyed);
  await store.environments.update({ id, network: "none" });
  expect((await launches.start(keyed)).id).toBe(first.id);

  const again = async (run: RunId) => {
    await store.runs.advance(run, { from: ["queued"], to: "canceled", patch: { reason: "canceled", sentence: "Canceled." } });
    return launches.retry({ id: run });
  };
  expect(await again(usual.id)).toMatchObject({ network: "none", networkBy: "environment" });
  await store.environments.update({ id, network: "packages" });
  expect(await again(said.id)).toMatchObject({ network: "none", networkBy: "launch", allowedHosts: ours });
});

test("a run is launched again as it was, though its task is another one now, or gone", async () => {
  await using place = await open();
  const { store, launches } = place;
  const environment = await store.environments.create({
    name: "E",
    image: { kind: "default" },
    setup: null,
    variables: {},
    ...NO_NETWORK,
  });
  const copy = copyOf(environment);
  const task = await createTask(store);
  const claim = await claimRun(store, { task, ref: "v1", model: "opus", priority: 100, environment: copy });
  await expect(launches.retry({ id: claim.run.id })).rejects.toMatchObject({ code: "conflict" });
  const message = { source: "runner" as const, body: { type: "note" as const, text: "It may." } };
  await store.allowedHosts.add(claim.run.id, { host: "a.test", port: 443 }, { most: 9, message });
  await endRun(store, claim);
  await store.tasks.delete(task.id);
  await store.environments.update({ id: environment.id, variables: { A: "mended" } });
  const fresh = await launches.retry({ id: claim.run.id, idempotencyKey: "k" });
  const { taskId, taskName, steps, repository, ref, model, limits, delivery, priority } = claim.run;
  expect(fresh).toMatchObject({ taskId, taskName, steps, repository, ref, model, limits, delivery, priority, status: "queued" });
  expect(fresh.id).not.toBe(claim.run.id);
  // What a person allowed it while it went on.
  expect(fresh.allowedHosts).toEqual([{ host: "a.test", ports: [443] }]);
  // What its set-up failed at may be mended since.
  expect(fresh.environment).toMatchObject({ variables: { A: "mended" } });
  expect((await launches.retry({ id: claim.run.id, idempotencyKey: "k" })).id).toBe(fresh.id);
  expect((await launches.retry({ id: claim.run.id })).id).not.toBe(fresh.id);
});

test("a run that is launched again wants nobody's attention any more", async () => {
  await using place = await open();
  const { store, launches } = place;
  const { run, fence } = await claimRun(store);
  const patch = { reason: "check_failed", sentence: "S.", endedAt: "2026-11-22T20:00:00.000Z" } as const;
  await store.runs.advance(run.id, { from: ["starting"], to: "failed", fence, patch });
  const wanted = () => store.attention.list({ endedAfter: "2020-01-01T00:00:00.000Z", limit: 9 });
  expect(await wanted()).toHaveLength(1);
  await launches.retry({ id: run.id });
  expect(await wanted()).toEqual([]);
});

test("a run that went on with kept work is launched again by the server that has it, and not when nobody has", async () => {
  await using place = await open();
  const { store, launches } = place;
  const endedAt = "2026-11-22T20:00:00.000Z";
  const failed = async (continues: Continuation | null) => {
    const { run, fence } = await claimRun(store, { continues });
    const instanceId = ids.instance();
    const at = { machine: "elsewhere", root: "/r", doors: "/d" };
    await store.instances.create({ id: instanceId, runId: run.id, driver: "bubblewrap", server: otherServer, place: at }, fence);
    await store.runs.patch(run.id, fence, { instanceId });
    const patch = { reason: "check_failed", sentence: "S.", endedAt } as const;
    await store.runs.advance(run.id, { from: ["starting"], to: "failed", fence, patch });
    return run.id;
  };
  const after = (runId: RunId) => Continuation.parse({ ...onceMore, runId, fromKept: [null] });
  const onceMore = { because: "person", number: 0, lastComment: null };
  const first = await failed(null);
  const second = await failed(after(first));
  const third = await launches.retry({ id: second });
  expect(third.continues).toMatchObject({ runId: first, fromKept: [null] });
  expect(await store.queue.claimNext(anyRun)).toBeNull();
  expect((await store.queue.claimNext({ ...anyRun, owner: otherServer }))?.run.id).toBe(third.id);
  const orphan = await failed(after(ids.run()));
  await expect(launches.retry({ id: orphan })).rejects.toMatchObject({
    code: "conflict",
    message: expect.stringContaining("not kept any more"),
  });
});

test("what is done with many is told of each by itself", async () => {
  await using place = await open();
  const { store, launches } = place;
  const queued = await queueRun(store);
  const going = await claimRun(store);
  const done = await claimRun(store);
  await endRun(store, done);
  const nobody = ids.run();
  const all = [queued.id, going.run.id, done.run.id, nobody];
  expect(await launches.retryMany({ ids: all, idempotencyKey: "k" })).toEqual([
    { id: queued.id, newId: null, problem: expect.stringContaining("is queued") },
    { id: going.run.id, newId: null, problem: expect.stringContaining("is starting") },
    { id: done.run.id, newId: expect.stringMatching(/^run_/), problem: null },
    { id: nobody, newId: null, problem: expect.stringContaining("no run") },
  ]);
  expect(await launches.cancelMany({ ids: all })).toEqual([
    { id: queued.id, did: "canceled", status: "canceled" },
    { id: going.run.id, did: "canceled", status: "canceling" },
    { id: done.run.id, did: "ended", status: "succeeded" },
    { id: nobody, did: "gone", status: null },
  ]);
  const many = await Promise.all(
    Array.from({ length: 120 }, async () => (await store.runs.create(newRun(await createTask(store)))).run.id),
  );
  expect((await launches.cancelMany({ ids: many })).every(({ did }) => did === "canceled")).toBe(true);
});
