import { CcrError, type Door, outcomeOf, POLICY_RULES_MAX, type Run, type RunId } from "@ccr/protocol";
import { expect, test, vi } from "vitest";
import type { Doors } from "../gateway/types.ts";
import { IN_MEMORY, openSqliteStore } from "../store/sqlite.ts";
import { claimRun, endRun, ids, instancePlace } from "../store/suite/place.ts";
import type { Store } from "../store/types.ts";
import { createNetwork, followAllowedHosts } from "./allowed-hosts.ts";
import { inBackground } from "./background.ts";
import { systemClock } from "./clock.ts";
import type { DoorScene } from "./way-out.ts";
import { workplaceAt } from "./workplace.ts";

const SERVERS = [{ host: "everybody.test", ports: [443] }];
const PACKAGES = [{ host: "packages.test", ports: [443] }];
const setup = { packageHosts: async () => PACKAGES };
const A = { host: "a.test", port: 443 };

const networkOf = (store: Store, allowedHosts = SERVERS, modelHost: string | null = null) => {
  const get = async (id: RunId) => {
    const run = await store.runs.find(id);
    if (run === null) throw new CcrError("not_found", `There is no run ${id}.`);
    return { ...run, queue: null, outcome: outcomeOf(run) };
  };
  return createNetwork({ store, allowedHosts, setup, modelHost }, { runs: { get } });
};

/** A run that goes on, whose door is open; `opened` are the policies that the gateway was asked for. */
const open = async ({ fails = [], network }: { fails?: CcrError[]; network?: Run["network"] } = {}) => {
  const store = await openSqliteStore({ path: IN_MEMORY });
  const { run, fence } = await claimRun(store, network === undefined ? {} : { network });
  const opened: Door[] = [];
  const doors: Doors = {
    open: async (door) => {
      const failure = fails.shift();
      if (failure !== undefined) throw failure;
      opened.push(door);
    },
    close: async () => {},
    list: async () => [],
    followAudit: async function* () {},
  };
  const place = workplaceAt(instancePlace);
  const beside = workplaceAt({ ...instancePlace, doors: "/data/doors/y" });
  const told: string[] = [];
  // Waits for a second try are not waited for; others end when something was said.
  const clock = {
    ...systemClock,
    wait: (ms: number, signal: AbortSignal) => systemClock.wait(ms > 4000 ? ms : 0, signal),
  };
  const scene: Parameters<typeof followAllowedHosts>[0] = {
    run,
    fence,
    wayOut: { place, beside, policy: null } satisfies DoorScene["wayOut"],
    deps: { doors, allowedHosts: SERVERS, setup, clock, log: (level, text) => void told.push(`${level}: ${text}`) },
    stores: store,
  };
  const following = inBackground((signal) => followAllowedHosts(scene, signal));
  return {
    store,
    run,
    fence,
    scene,
    opened,
    told,
    network: networkOf(store),
    following,
    [Symbol.asyncDispose]: async () => {
      await following.stop();
      await store[Symbol.asyncDispose]();
    },
  };
};

test("a host that is allowed is stored, told, and let through by the door where it is open, beside what the server allows", async () => {
  await using at = await open();
  const { store, run, opened, network } = at;
  const view = await network.allowHost({ id: run.id, ...A });
  expect(view.allowedHosts).toEqual([{ host: "a.test", ports: [443] }]);
  await vi.waitFor(() => expect(opened).toHaveLength(1));
  expect(opened[0]).toMatchObject({
    runId: run.id,
    fence: at.fence,
    socketPath: "/data/doors/x/gateway.sock",
    alsoAt: ["/data/doors/y/gateway.sock"],
    policy: { allow: [...SERVERS, { host: "a.test", ports: [443] }] },
  });
  const messages = await store.transcript.read(run.id, { after: 0, limit: 9 });
  expect(messages.map(({ body }) => body)).toEqual([{ type: "egress_allowed", ...A }]);
});

test("the host of the model is none, as every way there but the gateway's own is closed", async () => {
  await using at = await open();
  const { store, run } = at;
  const network = networkOf(store, SERVERS, "model.test");
  await expect(network.allowHost({ id: run.id, host: "model.test", port: 443 })).rejects.toMatchObject({
    code: "bad_request",
    message: expect.stringContaining("model route"),
  });
  expect(await store.allowedHosts.list(run.id)).toEqual([]);
});

test("allowing twice is one, and the door is asked for once", async () => {
  await using at = await open();
  const { store, run, opened, network } = at;
  await Promise.all([network.allowHost({ id: run.id, ...A }), network.allowHost({ id: run.id, ...A })]);
  await network.allowHost({ id: run.id, ...A });
  await network.allowHost({ id: run.id, ...A, port: 8443 });
  await vi.waitFor(() => expect(opened.at(-1)?.policy.allow).toEqual([...SERVERS, { host: "a.test", ports: [443, 8443] }]));
  expect(await store.transcript.read(run.id, { after: 0, limit: 9 })).toHaveLength(2);
  expect(opened.length).toBeLessThanOrEqual(2);
});

test("what was allowed before somebody drives the run is let through at once, and needs no other door", async () => {
  await using at = await open();
  const { store, run, fence, opened, scene } = at;
  await at.following.stop();
  await networkOf(store).allowHost({ id: run.id, ...A });
  // Whoever takes the run up has read it with the run.
  const found = await store.runs.find(run.id);
  if (found === null) throw new Error("there is no run");
  const next = { ...scene, run: found, fence };
  const following = inBackground((signal) => followAllowedHosts(next, signal));
  await networkOf(store).allowHost({ id: run.id, host: "b.test", port: 443 });
  await vi.waitFor(() => expect(opened).toHaveLength(1));
  await following.stop();
  expect(opened[0]?.policy.allow.map(({ host }) => host)).toEqual(["everybody.test", "a.test", "b.test"]);
});

test("whoever opens the door anew lets through what the run's preset names on this machine, too", async () => {
  await using at = await open({ network: "packages" });
  await at.network.allowHost({ id: at.run.id, ...A });
  await vi.waitFor(() => expect(at.opened).toHaveLength(1));
  expect(at.opened[0]?.policy.allow).toEqual([...SERVERS, ...PACKAGES, { host: "a.test", ports: [443] }]);
});

test("a gateway that is away is asked again, and says so once each time", async () => {
  const away = () => new CcrError("unavailable", "The gateway does not answer.");
  await using at = await open({ fails: [away(), away()] });
  await at.network.allowHost({ id: at.run.id, ...A });
  await vi.waitFor(() => expect(at.opened).toHaveLength(1));
  expect(at.told).toHaveLength(2);
});

test("a door that is to be closed is not opened again, nor one that somebody else has", async () => {
  await using closed = await open();
  closed.scene.wayOut = null;
  await closed.network.allowHost({ id: closed.run.id, ...A });
  await vi.waitFor(() => expect(closed.scene.run.allowedHosts).toHaveLength(1));
  await closed.following.stop();
  expect(closed.opened).toEqual([]);

  await using lost = await open({ fails: [new CcrError("forbidden", "It was opened with a greater fencing number.")] });
  await lost.network.allowHost({ id: lost.run.id, ...A });
  await vi.waitFor(() => expect(lost.scene.run.allowedHosts).toHaveLength(1));
  await lost.following.stop();
  expect([lost.opened, lost.told]).toEqual([[], []]);
});

test("the door of a set-up has a policy of its own, whatever is allowed", async () => {
  await using at = await open();
  const setUp = { allow: [], model: false };
  at.scene.wayOut = { place: workplaceAt(instancePlace), beside: null, policy: setUp };
  await at.network.allowHost({ id: at.run.id, ...A });
  await vi.waitFor(() => expect(at.opened).toHaveLength(1));
  expect(at.opened[0]?.policy).toEqual(setUp);
});

test("is refused in plain words for a run that is not there, has ended, or has too many", async () => {
  await using at = await open();
  const { store, run, fence, network } = at;
  const refused = (id: RunId, rooms = network) => expect(rooms.allowHost({ id, ...A })).rejects;
  await refused(ids.run()).toMatchObject({ code: "not_found" });
  const full = Array.from({ length: POLICY_RULES_MAX - 1 }, (_, index) => ({ host: `h${index}.test`, ports: [443] }));
  await networkOf(store, full).allowHost({ id: run.id, host: "b.test", port: 443 });
  await refused(run.id, networkOf(store, full)).toMatchObject({
    code: "conflict",
    message: expect.stringMatching(/^a\.test cannot be allowed as well: 1 host is the most/),
  });
  await store.runs.advance(run.id, { from: ["starting"], to: "canceling" });
  await refused(run.id).toMatchObject({ code: "conflict", message: expect.stringContaining("is being canceled") });
  await endRun(store, { run, fence });
  await refused(run.id).toMatchObject({ code: "conflict", message: expect.stringContaining("has ended") });
});
