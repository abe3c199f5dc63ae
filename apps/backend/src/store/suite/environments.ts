import { CreateEnvironmentInput, EnvironmentId, type RunEnvironment } from "@ccr/protocol";
import { describe, expect, test } from "vitest";
import { claimRun, createClock, createTask, endRun, errorOf, newRun, type OpenPlace, queueRun, server } from "./place.ts";

const input = (name: string, change: Partial<CreateEnvironmentInput> = {}) =>
  CreateEnvironmentInput.parse({ name, setup: { script: "npm ci", network: "packages" }, variables: { A: "1" }, ...change });

const missing = EnvironmentId.parse("env_0123456789");

/** What a run has a copy of. */
const copyOf = ({ createdAt: _, updatedAt: __, ...copy }: RunEnvironment & { createdAt: string; updatedAt: string }) => copy;

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
      expect(renamed).toEqual({ ...made, name: "after", updatedAt: clock.now().toISOString() });
      expect(await environments.update({ id: made.id, setup: null, variables: {} })).toMatchObject({
        name: "after",
        setup: null,
        variables: {},
      });
      expect(await environments.renew(made.id)).toMatchObject({ generation: 1 });
      for (const act of [environments.update({ id: missing, name: "x" }), environments.renew(missing)])
        expect(await act).toBeNull();
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
      expect([await environments.delete(id), await environments.delete(id)]).toEqual([true, false]);
      expect(await environments.listDefaults()).toEqual([]);
    });

    test("is copied into runs: what is changed later does not change them", async () => {
      await using place = await open();
      const { environments, runs } = place.store;
      const made = await environments.create(input("before"));
      const run = await queueRun(place.store, { environment: copyOf(made) });
      await environments.update({ id: made.id, name: "after" });
      expect((await runs.find(run.id))?.environment).toEqual(copyOf(made));
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
