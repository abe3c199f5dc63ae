import { setTimeout as delay } from "node:timers/promises";
import { CcrError, RunId, ServerId } from "@ccr/protocol";
import { describe, expect, it } from "vitest";
import { createIds } from "../store/ids.ts";
import { IN_MEMORY, openSqliteStore } from "../store/sqlite.ts";
import type { Store } from "../store/types.ts";
import { systemClock } from "./clock.ts";
import { Leaving, patient } from "./patience.ts";
import { runLog } from "./run-log.ts";

const owner = ServerId.parse("srv_0000000000");
// Waits are not waited for, but everything else goes on in between.
const clock = { ...systemClock, wait: () => delay(0) };

const claimed = async () => {
  const store = await openSqliteStore({ path: IN_MEMORY, ids: createIds() });
  const task = await store.tasks.create({ name: "T", steps: [{ instructions: "Go.", checks: "" }], allowNoChanges: false });
  const limits = { timeSeconds: 10, stepSeconds: null, turns: 1, budgetUsd: null, memoryMb: 512, cpus: 1 };
  await store.runs.create({
    task,
    repository: "a/b",
    ref: null,
    model: null,
    limits: { ...limits, processes: 64, diskMb: 64, stallSeconds: 5, checkSeconds: 1, answerSeconds: 3600, maxAttempts: 1 },
    priority: 0,
    delivery: null,
    continues: null,
    idempotencyKey: null,
  });
  const claim = await store.queue.claimNext({ owner, perRepository: null, perTask: null });
  if (claim === null) throw new Error("nothing to claim");
  return { store, id: claim.run.id, fence: claim.fence };
};

/** A store whose appends fail: some before they are stored, some after, whose caller never hears that they are. */
const failing = (store: Store, fates: ("before" | "after")[]): Store => ({
  ...store,
  transcript: {
    ...store.transcript,
    append: async (...given) => {
      const fate = fates.shift();
      const away = new CcrError("unavailable", "The database does not answer.");
      if (fate === "before") throw away;
      const stored = await store.transcript.append(...given);
      if (fate === "after") throw away;
      return stored;
    },
  },
});

const texts = async (store: Store, id: RunId): Promise<string[]> =>
  (await store.transcript.read(id, { after: 0, limit: 100 })).flatMap(({ source, body }) =>
    source === "runner" && body.type === "note" ? [body.text] : [],
  );

describe("a store that is away for a while", () => {
  it("has each message once, whether the tries that failed were stored or not", async () => {
    const { store, id, fence } = await claimed();
    await using _ = store;
    const warnings: string[] = [];
    const stores = patient(failing(store, ["before", "after", "before", "after", "after"]), {
      clock,
      log: (_level, text) => warnings.push(text),
      signal: new AbortController().signal,
    });
    const log = runLog({ transcript: stores.transcript, clock, runId: id, fence });
    await Promise.all(["a", "b", "c", "d"].map((text) => log.write({ type: "note", text })));
    expect(await texts(store, id)).toEqual(["a", "b", "c", "d"]);
    expect(warnings.length).toBeGreaterThan(0);
  });

  it("has each message once also when nobody waited for the tries to end", async () => {
    const { store, id, fence } = await claimed();
    await using _ = store;
    const log = runLog({ transcript: failing(store, ["after", "before"]).transcript, clock, runId: id, fence });
    await expect(log.write({ type: "note", text: "a" })).rejects.toThrow("does not answer");
    await expect(log.write({ type: "note", text: "b" })).rejects.toThrow("does not answer");
    await log.write({ type: "note", text: "c" });
    await log.write({ type: "note", text: "d" });
    expect(await texts(store, id)).toEqual(["a", "b", "c", "d"]);
  });

  it("is not waited for once the server ends, nor for what waiting cannot change", async () => {
    const { store, id, fence } = await claimed();
    await using _ = store;
    const closing = new AbortController();
    const stores = patient(
      failing(
        store,
        Array.from({ length: 50 }, () => "before"),
      ),
      { clock, log: () => closing.abort(new Leaving("the server ends")), signal: closing.signal },
    );
    const own = { first: 1, messages: [] };
    await expect(stores.transcript.append(id, fence, own)).rejects.toThrow("the server ends");
    await expect(stores.runs.patch(id, fence + 1, { stepIndex: 1 })).rejects.toThrow("somebody else");
    await expect(stores.queue.renew(RunId.parse("run_0000000000"), 1, 0)).rejects.toThrow("no run");
  });

  it("gives an instance that an unheard try has stored", async () => {
    const { store, id } = await claimed();
    await using _ = store;
    const stores = patient(store, { clock, log: () => {}, signal: new AbortController().signal });
    const input = {
      id: createIds().instance(),
      runId: id,
      driver: "bubblewrap",
      server: owner,
      place: { machine: "m", root: "/r", doors: "/d" },
    };
    await store.instances.create(input, 1);
    expect(await stores.instances.create(input, 1)).toMatchObject({ id: input.id, runId: id });
  });
});
