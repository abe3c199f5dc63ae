import { CcrError, type RunId } from "@ccr/protocol";
import type { InstanceStore } from "../../store/instance-types.ts";
import type { Claim, Lease, Store } from "../../store/types.ts";
import type { Refusal } from "./ledger.ts";
import type { CallOptions, Process } from "./process.ts";
import type { World } from "./world.ts";

const away = (why: string): CcrError => new CcrError("unavailable", `The database cannot be used: ${why}.`);

/** The answer of last time, as long as nothing was written since that could change it: servers ask again every second. */
class Memo<Result> {
  readonly #changedBy: ReadonlySet<string>;
  #version = 0;
  #known: { result: Result } | null = null;

  constructor(...changedBy: string[]) {
    this.#changedBy = new Set(changedBy);
  }

  async get(act: () => Promise<Result>): Promise<Result> {
    if (this.#known !== null) return this.#known.result;
    const before = this.#version;
    const result = await act();
    if (this.#version === before) this.#known = { result };
    return result;
  }

  /** To be called before and after something is written. */
  written(op: string): void {
    if (!this.#changedBy.has(op)) return;
    this.#version++;
    this.#known = null;
  }
}

/**
 * What a process sees of the database. The store behind is the real one, and the same for all; it can be away, and it can store what it
 * was asked to without the answer's getting back.
 */
export class StoreHouse {
  readonly #world: World;
  readonly #leases = new Memo<Lease[]>("queue.claimNext", "queue.takeOver", "queue.renew", "queue.release", "runs.advance");
  readonly #claims = new Memo<Claim | null>("queue.claimNext", "runs.create", "runs.advance", "runs.setPriority");

  constructor(world: World) {
    this.#world = world;
  }

  gate(process: Process): Store {
    const { store, ledger, time } = this.#world;
    const { tasks, environments, runs, batches, queue, instances, transcript, audit, deliveries, changes, upkeep } = store;
    const { inputs, allowedHosts, listing, attention, quick, overview, budgets } = store;
    const read =
      <Given extends unknown[], Result>(op: string, act: (...given: Given) => Promise<Result>) =>
      (...given: Given): Promise<Result> =>
        process.call(op, () => time.whileStill(act(...given)), this.#options(process));
    const write =
      <Given extends unknown[], Result>(
        op: string,
        act: (...given: Given) => Promise<Result>,
        saw: (result: Result, ...given: Given) => void = () => {},
      ) =>
      (...given: Given): Promise<Result> =>
        process.call(
          op,
          async () => {
            const result = await this.#write(op, act(...given));
            saw(result, ...given);
            return result;
          },
          this.#options(process),
        );
    const claim = (op: string, isNew: boolean, act: () => Promise<Claim | null>): Promise<Claim | null> => {
      let got: Claim | null = null;
      const options = this.#options(process);
      return process.call(
        op,
        async () => {
          got = await act();
          if (got === null) return null;
          ledger.claimed(process, got, { now: time.now, isNew });
          this.#world.log(
            `${process.name} ${isNew ? "claims" : "takes over"} ${got.run.id} (${got.run.status}) with ${got.fence}`,
          );
          return got;
        },
        {
          ...options,
          loseAnswer: () => {
            const lost = options.loseAnswer?.() ?? null;
            if (lost !== null && got !== null) ledger.claimUnheard(got.run.id, got.fence);
            return lost;
          },
        },
      );
    };
    /** Only to one who drives the run is it answered well. */
    const fenced =
      <Given extends unknown[], Result>(act: (id: RunId, fence: number, ...given: Given) => Promise<Result>) =>
      async (id: RunId, fence: number, ...given: Given): Promise<Result> => {
        const result = await act(id, fence, ...given);
        process.confirmedAt.set(id, time.now);
        return result;
      };
    const moved = (id: RunId, now: { status: Parameters<typeof ledger.moved>[1] } | null): void => {
      if (now === null) return;
      ledger.moved(id, now.status);
      this.#world.log(`${process.name} moves ${id} to ${now.status}`);
    };
    return {
      tasks: {
        create: write("tasks.create", (input) => tasks.create(input)),
        find: read("tasks.find", (id) => tasks.find(id)),
        list: read("tasks.list", () => tasks.list()),
        update: write("tasks.update", (input) => tasks.update(input)),
        delete: write("tasks.delete", (id) => tasks.delete(id)),
        overview: read("tasks.overview", () => tasks.overview()),
        listVersions: read("tasks.listVersions", (id) => tasks.listVersions(id)),
        findVersion: read("tasks.findVersion", (id, version) => tasks.findVersion(id, version)),
      },
      // Nobody asks for one: their runs are driven like all others.
      batches,
      environments,
      listing,
      attention,
      quick,
      runs: {
        create: write(
          "runs.create",
          (input) => runs.create(input),
          ({ run }) => ledger.created(run),
        ),
        find: read("runs.find", (id) => runs.find(id)),
        list: read("runs.list", (input) => runs.list(input)),
        advance: write(
          "runs.advance",
          (id, change) => runs.advance(id, change),
          (now, id) => moved(id, now),
        ),
        patch: fenced(
          write(
            "runs.patch",
            (id, fence, patch) => runs.patch(id, fence, patch),
            (_, id, _fence, { instanceId }) => {
              if (instanceId !== undefined && instanceId !== null) ledger.goesOnIn(id, instanceId);
            },
          ),
        ),
        setPriority: write("runs.setPriority", (id, priority) => runs.setPriority(id, priority)),
        saveDiff: write("runs.saveDiff", (id, fence, diff) => runs.saveDiff(id, fence, diff)),
        findDiff: read("runs.findDiff", (id) => runs.findDiff(id)),
      },
      queue: {
        claimNext: (claimer) =>
          claim("queue.claimNext", true, () =>
            this.#claims.get(async () => {
              const got = await time.whileStill(queue.claimNext(claimer));
              if (got !== null) this.#written("queue.claimNext");
              return got;
            }),
          ),
        queued: read("queue.queued", (limits) => queue.queued(limits)),
        leases: read("queue.leases", () => this.#leases.get(() => queue.leases())),
        takeOver: (seen, owner) =>
          claim("queue.takeOver", false, () => this.#write("queue.takeOver", queue.takeOver(seen, owner))),
        renew: fenced((id, fence, activeMs) =>
          process.call(
            "queue.renew",
            async () => {
              const run = await this.#write("queue.renew", queue.renew(id, fence, activeMs));
              ledger.renewed(id, time.now);
              return run;
            },
            this.#options(process, (why) => ledger.renewalRefused(process, id, why)),
          ),
        ),
        release: write(
          "queue.release",
          (id, fence) => queue.release(id, fence),
          (_, id, fence) => ledger.released(id, fence, time.now),
        ),
      },
      instances: {
        create: write(
          "instances.create",
          (input, fence) => instances.create(input, fence),
          (_, { id, runId, place }) => ledger.made(id, runId, place.machine),
        ),
        find: read("instances.find", (id) => instances.find(id)),
        findRecord: read("instances.findRecord", (id) => instances.findRecord(id)),
        list: read("instances.list", () => instances.list()),
        listStopped: read("instances.listStopped", (page) => instances.listStopped(page)),
        listRecords: read("instances.listRecords", (of) => instances.listRecords(of)),
        saveHandle: write("instances.saveHandle", (...given: Parameters<InstanceStore["saveHandle"]>) =>
          instances.saveHandle(...given),
        ),
        setServer: write("instances.setServer", (...given: Parameters<InstanceStore["setServer"]>) =>
          instances.setServer(...given),
        ),
        setStatus: write("instances.setStatus", (...given: Parameters<InstanceStore["setStatus"]>) =>
          instances.setStatus(...given),
        ),
      },
      deliveries: {
        save: write("deliveries.save", (id, delivered) => deliveries.save(id, delivered)),
        list: read("deliveries.list", (to) => deliveries.list(to)),
        listFollowed: read("deliveries.listFollowed", () => deliveries.listFollowed()),
        listContinuing: read("deliveries.listContinuing", (id) => deliveries.listContinuing(id)),
      },
      inputs: {
        add: write("inputs.add", (id, body, key, also) => inputs.add(id, body, key, also)),
        edit: write("inputs.edit", (id, change) => inputs.edit(id, change)),
        withdraw: write("inputs.withdraw", (id, inputId) => inputs.withdraw(id, inputId)),
        listQueued: read("inputs.listQueued", (id) => inputs.listQueued(id)),
        list: read("inputs.list", (id, limit) => inputs.list(id, limit)),
        listen: (id, changed) => inputs.listen(id, changed),
      },
      allowedHosts: {
        add: write(
          "allowedHosts.add",
          (id, host, how) => allowedHosts.add(id, host, how),
          ({ kind }, id, { host }) => {
            if (kind === "allowed") ledger.runs.get(id)?.allowedHosts.add(host);
          },
        ),
        list: read("allowedHosts.list", (id) => allowedHosts.list(id)),
        listen: (id, changed) => allowedHosts.listen(id, changed),
      },
      transcript: {
        append: fenced(write("transcript.append", (id, fence, own) => transcript.append(id, fence, own))),
        appendSpooled: fenced(
          write("transcript.appendSpooled", (id, fence, spooled) => transcript.appendSpooled(id, fence, spooled)),
        ),
        spoolPosition: read("transcript.spoolPosition", (id, instanceId) => transcript.spoolPosition(id, instanceId)),
        read: read("transcript.read", (id, range) => transcript.read(id, range)),
        follow: (id, range, signal) => transcript.follow(id, range, signal),
      },
      audit: {
        append: write("audit.append", (id, fence, records) => audit.append(id, fence, records)),
        read: read("audit.read", (id, range) => audit.read(id, range)),
        newestRefused: read("audit.newestRefused", (id, limit) => audit.newestRefused(id, limit)),
        position: read("audit.position", (id) => audit.position(id)),
      },
      changes,
      upkeep,
      overview,
      budgets: { today: read("budgets.today", () => budgets.today()), set: write("budgets.set", (input) => budgets.set(input)) },
      [Symbol.asyncDispose]: async () => {},
    };
  }

  /** `refused` hears why, unless it is for what befalls this process alone. */
  #options(
    process: Process,
    refused: (why: Refusal) => void = () => {},
  ): Pick<CallOptions, "refuse" | "loseAnswer"> & CallOptions {
    const { random } = this.#world;
    const fail = (why: string): CcrError => {
      process.ableSince = this.#world.time.now;
      return away(why);
    };
    return {
      wayMs: 30,
      refuse: () => {
        const { storeAbsences, storeRefuses } = this.#world.weather;
        if (storeAbsences > 0) refused("outage");
        if (storeAbsences > 0 || process.isCutOff) return fail("it does not answer");
        if (storeRefuses === 0 || !random.chance(storeRefuses)) return null;
        refused("chance");
        return fail("it is busy");
      },
      loseAnswer: () => {
        const { storeForgetsToAnswer } = this.#world.weather;
        // It went away after it had done what it was asked.
        if (process.isCutOff) return fail("it does not answer any more");
        return storeForgetsToAnswer > 0 && random.chance(storeForgetsToAnswer) ? fail("the connection was lost") : null;
      },
    };
  }

  async #write<Result>(op: string, work: Promise<Result>): Promise<Result> {
    this.#written(op);
    try {
      return await this.#world.time.whileStill(work);
    } finally {
      this.#written(op);
    }
  }

  #written(op: string): void {
    this.#leases.written(op);
    this.#claims.written(op);
  }
}
