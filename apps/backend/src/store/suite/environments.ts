import { CreateEnvironmentInput, type Environment, EnvironmentId, type RunEnvironment } from "@ccr/protocol";
import { describe, expect, test } from "vitest";
import { claimRun, createClock, createTask, endRun, errorOf, newRun, type OpenPlace, queueRun, range, server } from "./place.ts";

const input = (name: string, change: Partial<CreateEnvironmentInput> = {}) =>
  CreateEnvironmentInput.parse({ name, setup: { script: "npm ci", network: "packages" }, variables: { A: "1" }, ...change });

const missing = EnvironmentId.parse("env_0123456789");

/** What a run has a copy of. */
const copyOf = ({ version: _, createdAt: __, updatedAt: ___, ...copy }: Environment): RunEnvironment => copy;

export const describeEnvironments = (open: OpenPlace): void => {
  describe("environments", () => {
    test("keeps what was created, and lists the newest first", async () => {
      await using place = await open();
      const { environments } = place.store;
      const first = await environments.create(input("first"));
      const second = await environments.create(input("second", { image: { kind: "named", name: "rust:1" }, setup: null }));
      expect(first).toMatchObject({
        name: "first",
        image: { kind: "default" },
        setup: { script: "npm ci", network: "packages", allowedHosts: [], seconds: 1800 },
        variables: { A: "1" },
        secretNames: [],
        generation: 0,
        network: "none",
        allowedHosts: [],
        version: 1,
      });
      const other = await place.open();
      expect(await other.environments.find(first.id)).toEqual(first);
      expect(await environments.list()).toEqual([second, first]);
      expect(await environments.find(missing)).toBeNull();
    });

    test("updates only what is given, and says when", async () => {
      const clock = createClock();
      await using place = await open({ now: clock.now });
      const { environments } = place.store;
      const made = await environments.create(input("before"));
      clock.advance(5000);
      const renamed = await environments.update({ id: made.id, name: "after" });
      expect(renamed).toEqual({ ...made, name: "after", version: 2, updatedAt: clock.now().toISOString() });
      clock.advance(5000);
      expect(await environments.update({ id: made.id, name: "after", setup: made.setup })).toEqual(renamed);
      const allowedHosts = [{ host: "a.test", ports: [443] }];
      const reaching = await environments.update({ id: made.id, network: "packages", allowedHosts });
      expect(reaching).toMatchObject({ setup: made.setup, network: "packages", allowedHosts, version: 3 });
      expect(await (await place.open()).environments.find(made.id)).toEqual(reaching);
      expect(await environments.update({ id: made.id, setup: null, variables: {} })).toMatchObject({
        name: "after",
        setup: null,
        variables: {},
        network: "packages",
      });
      expect(await environments.renew(made.id)).toMatchObject({ generation: 1, version: 4 });
      for (const act of [environments.update({ id: missing, name: "x" }), environments.renew(missing)])
        expect(await act).toBeNull();
    });

    test("a save that began from another version is refused, and of several at once one is taken, on every store", async () => {
      await using place = await open();
      const other = await place.open();
      const { id } = await place.store.environments.create(input("first"));
      expect(await place.store.environments.update({ id, name: "second", expectedVersion: 1 })).toMatchObject({ version: 2 });
      const refused = await errorOf(other.environments.update({ id, name: "lost?", expectedVersion: 1 }));
      expect(refused).toMatchObject({ code: "conflict", message: expect.stringContaining("at version 2") });
      const stores = [place.store, other];
      const tries = await Promise.allSettled(
        range(1, 6).map((n) => stores[n % 2]?.environments.update({ id, name: `try ${n}`, expectedVersion: 2 })),
      );
      expect(tries.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      // What stands beside it is saved by itself.
      expect(await other.environments.nameSecrets(id, { add: ["A"], remove: [] })).toMatchObject({ version: 3 });
      expect(await place.store.environments.find(id)).toMatchObject({ name: expect.stringContaining("try "), version: 3 });
    });

    test("names secrets, each once, also when two do so at once", async () => {
      await using place = await open();
      const { environments } = place.store;
      const other = await place.open();
      const { id } = await environments.create(input("secrets"));
      await Promise.all([
        environments.nameSecrets(id, { add: ["B", "A"], remove: [] }),
        other.environments.nameSecrets(id, { add: ["C", "A"], remove: [] }),
      ]);
      expect((await environments.find(id))?.secretNames).toEqual(["A", "B", "C"]);
      expect(await environments.nameSecrets(id, { add: [], remove: ["B", "X"] })).toMatchObject({ secretNames: ["A", "C"] });
    });

    test("is the default of repositories, the last that was said", async () => {
      await using place = await open();
      const { environments } = place.store;
      const [a, b] = [await environments.create(input("a")), await environments.create(input("b"))];
      await environments.setDefault("https://example.org/x", a.id);
      await environments.setDefault("https://example.org/x", b.id);
      await environments.setDefault("/local/y", a.id);
      expect(await environments.findDefault("https://example.org/x")).toEqual(b);
      expect(await environments.listDefaults()).toEqual([
        { repository: "/local/y", environmentId: a.id },
        { repository: "https://example.org/x", environmentId: b.id },
      ]);
      await environments.setDefault("/local/y", null);
      expect(await environments.findDefault("/local/y")).toBeNull();
      expect(await errorOf(environments.setDefault("/z", missing))).toMatchObject({ code: "not_found" });
    });

    test("is deleted with its defaults, but not as long as a task names it", async () => {
      await using place = await open();
      const { environments, tasks } = place.store;
      const { id } = await environments.create(input("used"));
      await environments.setDefault("/x", id);
      const task = await createTask(place.store, "Fix it");
      expect(await tasks.update({ id: task.id, environmentId: id })).toMatchObject({ environmentId: id });
      expect(await errorOf(environments.delete(id))).toMatchObject({
        code: "conflict",
        message: expect.stringContaining('the task "Fix it"'),
      });
      expect(await environments.findDefault("/x")).toMatchObject({ id });
      expect(await tasks.update({ id: task.id, environmentId: null })).toMatchObject({ environmentId: null });
      // One that was made for a single run is among no tasks, where another one could be chosen.
      const quick = { name: "Q", steps: [{ instructions: "Q", checks: "" }], allowNoChanges: false, environmentId: id };
      const { run } = await place.store.quick.start(quick, { ...newRun(task), idempotencyKey: null });
      expect([await environments.delete(id), await environments.delete(id)]).toEqual([true, false]);
      expect(await environments.listDefaults()).toEqual([]);
      expect(await tasks.find(run.taskId)).toMatchObject({ name: "Q", environmentId: null });
    });

    test("is copied into runs: what is changed later does not change them", async () => {
      await using place = await open();
      const { environments, runs } = place.store;
      const made = await environments.create(input("before"));
      const run = await queueRun(place.store, { environment: copyOf(made) });
      await environments.update({ id: made.id, name: "after" });
      expect(await runs.find(run.id)).toMatchObject({ environment: copyOf(made), network: "none", networkBy: null });
      const reaching = await queueRun(place.store, { network: "packages", networkBy: "task" });
      expect(await (await place.open()).runs.find(reaching.id)).toEqual(reaching);
      expect(reaching).toMatchObject({ network: "packages", networkBy: "task" });
      const task = await createTask(place.store);
      await runs.create(newRun(task, { environment: copyOf(made), idempotencyKey: "k" }));
      expect(await errorOf(runs.create(newRun(task, { idempotencyKey: "k" })))).toMatchObject({
        code: "conflict",
        message: expect.stringContaining("another value for environment"),
      });
    });

    test("knows what was set up for runs that go on", async () => {
      await using place = await open();
      const { environments, queue, runs } = place.store;
      const claim = await claimRun(place.store);
      expect(claim.prepared).toBeNull();
      const prepared = { baseImage: "sha256:1", setup: "a".repeat(64) };
      await runs.patch(claim.run.id, claim.fence, { prepared });
      const lease = (await queue.leases()).find(({ id }) => id === claim.run.id);
      const taken = lease === undefined ? null : await queue.takeOver(lease, server);
      expect(taken).toMatchObject({ prepared });
      const other = await claimRun(place.store);
      await runs.patch(other.run.id, other.fence, { prepared: { baseImage: null, setup: null } });
      expect(await environments.setupsInUse()).toEqual(new Set([prepared.setup]));
      await endRun(place.store, taken ?? claim);
      expect(await environments.setupsInUse()).toEqual(new Set());
    });
  });
};
