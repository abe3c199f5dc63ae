import type { InstanceId, SandboxHandle } from "@ccr/protocol";
import { describe, expect, test } from "vitest";
import { FenceLostError } from "../types.ts";
import {
  auditRecord,
  claimRun,
  createClock,
  createTask,
  endRun,
  errorOf,
  ids,
  instancePlace,
  type OpenPlace,
  otherServer,
  queueRun,
  range,
  server,
} from "./place.ts";

const describeTasks = (open: OpenPlace): void => {
  describe("tasks", () => {
    test("keeps what was created, as it came", async () => {
      await using place = await open();
      const steps = [{ instructions: "Ünï\u0000code \ud800 🎉\r\n$ x", checks: "" }];
      const task = await place.store.tasks.create({ name: 'It\'s "a" task; drop table tasks', steps, allowNoChanges: true });
      const other = await place.open();
      expect(await other.tasks.find(task.id)).toEqual(task);
      expect(task.steps).toEqual(steps);
    });

    test("keeps a name with characters that no database can keep, with a sign in their place", async () => {
      await using place = await open();
      const task = await createTask(place.store, "NUL\u0000 \ud800 end");
      expect(task.name).toBe("NUL\ufffd \ufffd end");
      expect(await place.store.tasks.find(task.id)).toEqual(task);
      const renamed = await place.store.tasks.update({ id: task.id, name: "\u0000" });
      expect(renamed?.name).toBe("\ufffd");
    });

    test("lists the newest first, also within one millisecond", async () => {
      const clock = createClock();
      await using place = await open({ now: clock.now });
      const names = ["a", "b", "c", "d"];
      for (const name of names) await createTask(place.store, name);
      clock.advance(1);
      await createTask(place.store, "e");
      expect((await place.store.tasks.list()).map((task) => task.name)).toEqual(["e", ...names.toReversed()]);
    });

    test("updates only what is given, and says when", async () => {
      const clock = createClock();
      await using place = await open({ now: clock.now });
      const task = await createTask(place.store, "before");
      clock.advance(5000);
      const renamed = await place.store.tasks.update({ id: task.id, name: "after" });
      expect(renamed).toEqual({ ...task, name: "after", version: 2, updatedAt: clock.now().toISOString() });
      const steps = [{ instructions: "else", checks: "$ true" }];
      expect(await place.store.tasks.update({ id: task.id, steps })).toMatchObject({ name: "after", steps });
    });

    test("finds, updates and deletes nothing where there is nothing", async () => {
      await using place = await open();
      expect(await place.store.tasks.find(ids.task())).toBeNull();
      expect(await place.store.tasks.update({ id: ids.task(), name: "x" })).toBeNull();
      expect(await place.store.tasks.delete(ids.task())).toBe(false);
    });

    test("deletes a task and leaves its runs", async () => {
      await using place = await open();
      const task = await createTask(place.store);
      const run = await queueRun(place.store, { task });
      expect(await place.store.tasks.delete(task.id)).toBe(true);
      expect(await place.store.tasks.find(task.id)).toBeNull();
      expect(await place.store.runs.find(run.id)).toEqual(run);
      expect(await place.store.runs.list({ taskId: task.id, limit: 10 })).toEqual([run]);
    });
  });
};

const handleOf = (instanceId: InstanceId): SandboxHandle => ({
  version: 1,
  driver: "bubblewrap",
  instanceId,
  endpoint: { socketPath: "/tmp/executor.sock" },
  data: { pid: 7, nested: { a: [1, null, "x"] } },
});

const describeInstances = (open: OpenPlace): void => {
  describe("instances", () => {
    test("keeps an instance before it has a handle, and its handle afterwards", async () => {
      await using place = await open();
      const run = await queueRun(place.store);
      const id = ids.instance();
      const instance = await place.store.instances.create(
        {
          id,
          runId: run.id,
          driver: "bubblewrap",
          server,
          place: instancePlace,
        },
        0,
      );
      expect(instance).toMatchObject({ id, runId: run.id, driver: "bubblewrap", status: "starting", stoppedAt: null });
      const record = { ...instance, server, place: instancePlace };
      expect(await place.store.instances.findRecord(id)).toEqual({ ...record, handle: null });
      const handle = handleOf(id);
      await place.store.instances.saveHandle(id, handle, 0);
      expect(await place.store.instances.findRecord(id)).toEqual({ ...record, handle });
      expect(await place.store.instances.find(id)).toEqual(instance);
    });

    test("stopped is for ever", async () => {
      const clock = createClock();
      await using place = await open({ now: clock.now });
      const run = await queueRun(place.store);
      const id = ids.instance();
      await place.store.instances.create({ id, runId: run.id, driver: "docker", server, place: instancePlace }, 0);
      await place.store.instances.setStatus(id, "executing", 0);
      expect(await place.store.instances.find(id)).toMatchObject({ status: "executing", stoppedAt: null });
      clock.advance(10);
      const stoppedAt = clock.now().toISOString();
      await place.store.instances.setStatus(id, "stopped", 0);
      clock.advance(10);
      await place.store.instances.setStatus(id, "stopped", 0);
      await place.store.instances.setStatus(id, "idle", 0);
      expect(await place.store.instances.find(id)).toMatchObject({ status: "stopped", stoppedAt });
    });

    test("lists those that are not stopped, newest first, and the stopped on demand", async () => {
      await using place = await open();
      const run = await queueRun(place.store);
      const made = [ids.instance(), ids.instance(), ids.instance()];
      for (const id of made)
        await place.store.instances.create({ id, runId: run.id, driver: "docker", server, place: instancePlace }, 0);
      const [first, second, third] = made;
      if (second !== undefined) await place.store.instances.setStatus(second, "stopped", 0);
      expect((await place.store.instances.list()).map(({ id }) => id)).toEqual([third, first]);
      expect((await place.store.instances.listStopped({ limit: 5 })).map(({ id }) => id)).toEqual([second]);
    });

    test("pages through the stopped, newest first, also those of one moment, and never shows one that goes on", async () => {
      await using place = await open();
      const { instances } = place.store;
      const run = await queueRun(place.store);
      const made: InstanceId[] = [];
      for (const _ of range(1, 7)) {
        const id = ids.instance();
        await instances.create({ id, runId: run.id, driver: "docker", server, place: instancePlace }, 0);
        made.unshift(id);
      }
      const stopped = made.filter((_, index) => index !== 3);
      for (const id of stopped) await instances.setStatus(id, "stopped", 0);
      const seen: InstanceId[] = [];
      for (let page = await instances.listStopped({ limit: 4 }); page.length > 0; ) {
        seen.push(...page.map(({ id }) => id));
        page = await instances.listStopped({ limit: 4, before: seen.at(-1) });
      }
      expect(seen).toEqual(stopped);
      expect(await errorOf(instances.listStopped({ limit: 4, before: ids.instance() }))).toMatchObject({ code: "not_found" });
    });

    test("lists the records of one run, and of one server, that are not stopped, oldest first", async () => {
      await using place = await open();
      const { instances } = place.store;
      const [run, other] = [await queueRun(place.store), await queueRun(place.store)];
      const make = async (runId: typeof run.id, owner = server) => {
        const id = ids.instance();
        await instances.create(
          { id, runId, driver: "docker", server: owner, place: { ...instancePlace, root: `/data/${id}` } },
          0,
        );
        return id;
      };
      const made = [await make(run.id), await make(other.id), await make(run.id, otherServer), await make(run.id)] as const;
      await instances.setStatus(made[3], "stopped", 0);
      const listed = async (of: Parameters<typeof instances.listRecords>[0]) =>
        (await instances.listRecords(of)).map(({ id }) => id);
      expect(await listed({ runId: run.id })).toEqual([made[0], made[2]]);
      expect(await listed({ server })).toEqual([made[0], made[1]]);
      expect(await listed({ server: otherServer })).toEqual([made[2]]);
      expect((await instances.listRecords({ runId: run.id }))[0]).toEqual(await instances.findRecord(made[0]));
      await instances.setServer(made[0], otherServer, 0);
      expect(await listed({ server: otherServer })).toEqual([made[0], made[2]]);
      expect(await listed({ server })).toEqual([made[1]]);
      expect(await instances.findRecord(made[0])).toMatchObject({ server: otherServer, place: { root: `/data/${made[0]}` } });
      expect(await errorOf(instances.setServer(ids.instance(), server, 0))).toMatchObject({ code: "not_found" });
    });

    test("is not written by one whose run somebody else drives now, nor by anybody who drives it once it is final", async () => {
      await using place = await open();
      const { instances, queue } = place.store;
      const { run, fence } = await claimRun(place.store);
      const id = ids.instance();
      const made = { id, runId: run.id, driver: "docker", server, place: instancePlace };
      await instances.create(made, fence);
      const [lease] = (await queue.leases()).filter((each) => each.id === run.id);
      const claim = lease === undefined ? null : await queue.takeOver(lease, otherServer);
      if (claim === null) throw new Error("it could not be taken over");
      const writesWith = (number: number) => [
        instances.create({ ...made, id: ids.instance() }, number),
        instances.saveHandle(id, handleOf(id), number),
        instances.setServer(id, otherServer, number),
        instances.setStatus(id, "stopped", number),
        place.store.audit.append(run.id, number, [auditRecord(run.id, 1)]),
      ];
      for (const write of writesWith(fence)) expect(await errorOf(write)).toBeInstanceOf(FenceLostError);
      expect(await instances.findRecord(id)).toMatchObject({ status: "starting", server, handle: null });
      expect(await instances.listRecords({ runId: run.id })).toHaveLength(1);
      expect(await place.store.audit.position(run.id)).toBe(0);

      await instances.saveHandle(id, handleOf(id), claim.fence);
      await instances.setServer(id, otherServer, claim.fence);
      expect(await instances.findRecord(id)).toMatchObject({ server: otherServer, handle: handleOf(id) });
      await endRun(place.store, claim);
      for (const write of writesWith(claim.fence)) expect(await errorOf(write)).toBeInstanceOf(FenceLostError);
      expect(await instances.find(id)).toMatchObject({ status: "starting" });
      await instances.setStatus(id, "stopped", null);
      expect(await instances.find(id)).toMatchObject({ status: "stopped" });
    });

    test("refuses an id that is taken, a run that is not there, and an instance that is not there", async () => {
      await using place = await open();
      const run = await queueRun(place.store);
      const id = ids.instance();
      await place.store.instances.create({ id, runId: run.id, driver: "docker", server, place: instancePlace }, 0);
      expect(
        await errorOf(place.store.instances.create({ id, runId: run.id, driver: "bubblewrap", server, place: instancePlace }, 0)),
      ).toMatchObject({
        code: "conflict",
      });
      expect(await place.store.instances.find(id)).toMatchObject({ driver: "docker" });
      const orphan = place.store.instances.create(
        {
          id: ids.instance(),
          runId: ids.run(),
          driver: "docker",
          server,
          place: instancePlace,
        },
        0,
      );
      expect(await errorOf(orphan)).toMatchObject({ code: "not_found" });
      expect(await errorOf(place.store.instances.setStatus(ids.instance(), "idle", 0))).toMatchObject({ code: "not_found" });
      expect(await place.store.instances.find(ids.instance())).toBeNull();
      expect(await place.store.instances.findRecord(ids.instance())).toBeNull();
    });
  });
};

const describeAudit = (open: OpenPlace): void => {
  describe("audit", () => {
    test("keeps each record once, whatever is delivered twice", async () => {
      await using place = await open();
      const { id } = await queueRun(place.store);
      expect(await place.store.audit.position(id)).toBe(0);
      await place.store.audit.append(
        id,
        0,
        range(1, 150).map((n) => auditRecord(id, n)),
      );
      await place.store.audit.append(
        id,
        0,
        range(100, 260).map((n) => ({ ...auditRecord(id, n), host: "late.test" })),
      );
      expect(await place.store.audit.position(id)).toBe(260);
      const records = await place.store.audit.read(id, { after: 0, limit: 1000 });
      expect(records.map(({ n }) => n)).toEqual(range(1, 260));
      expect(records.filter(({ host }) => host === "late.test")).toHaveLength(110);
      expect(records[0]).toEqual(auditRecord(id, 1));
    });

    test("reads in pages, the refused alone, and the newest of them", async () => {
      await using place = await open();
      const { id } = await queueRun(place.store);
      await place.store.audit.append(
        id,
        0,
        range(1, 20).map((n) => auditRecord(id, n, n % 5 === 0 ? "refused" : "allowed")),
      );
      expect((await place.store.audit.read(id, { after: 3, limit: 2 })).map(({ n }) => n)).toEqual([4, 5]);
      const refused = await place.store.audit.read(id, { after: 5, limit: 2, refusedOnly: true });
      expect(refused.map(({ n }) => n)).toEqual([10, 15]);
      expect((await place.store.audit.newestRefused(id, 2)).map(({ n }) => n)).toEqual([20, 15]);
    });

    test("takes nothing for a run that is not there, and nothing is nothing", async () => {
      await using place = await open();
      const { id } = await queueRun(place.store);
      await place.store.audit.append(id, 0, []);
      expect(await place.store.audit.read(id, { after: 0, limit: 10 })).toEqual([]);
      const nobody = ids.run();
      expect(await errorOf(place.store.audit.append(nobody, 0, [auditRecord(nobody, 1)]))).toMatchObject({ code: "not_found" });
    });
  });
};

export const describeRecords = (open: OpenPlace): void => {
  describeTasks(open);
  describeInstances(open);
  describeAudit(open);
};
