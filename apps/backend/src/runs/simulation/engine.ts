import type { InstanceId, SandboxHandle, SandboxSpec, ServerId } from "@ccr/protocol";
import { z } from "zod";
import type { SandboxDriver } from "../../drivers/types.ts";
import type { Clock } from "../deps.ts";
import { SETUP_MOUNT } from "../workplace.ts";
import { Disk } from "./disk.ts";
import type { Process } from "./process.ts";
import { Sandbox, type SandboxParts } from "./sandbox.ts";
import { isDriven } from "./timesheet.ts";
import type { World } from "./world.ts";

/**
 * A server may be frozen between the answer that a run is its own and what it then does; no engine knows of fencing numbers. What it asks for
 * within this time, of its own time, of such an answer is no fault of its: the sandbox's new owner makes it anew over its folders.
 */
const SURE_FOR_MS = 500;

const away = (): Error => new Error("the engine does not answer");

/** Where a sandbox's executor listens: by this its endpoint tells which sandbox is meant. */
export const socketOf = (doors: string): string => `${doors}/executor.sock`;

export type Host = { process: Process; server: ServerId; machine: string; clock: Clock };

/** Where the driver that made a sandbox wrote down what it made. */
const Data = z.object({ folder: z.string() });

/**
 * What a server sees of the sandboxes of its machine, as with bubblewrap: each server's driver has a folder of its own, in which it finds what
 * it made, and nothing of what others did. By a handle it reaches the sandbox of any server of the machine.
 */
export const driverOf = (world: World, { process, server, machine }: Host): SandboxDriver => {
  const { sandboxes, ledger, random, time } = world;
  const parts: SandboxParts = {
    time,
    random,
    scripts: world.scripts,
    at: () => world.at(),
    log: (line) => world.log(line),
    booted: (sandbox) => {
      if ([...sandboxes.values()].some((other) => other !== sandbox && other.disk === sandbox.disk && other.state === "running"))
        world.violate(`two executors live over the spool of ${sandbox.instanceId}`);
    },
    hasWayOut: ({ disk }) => world.sockets.has(disk.gatewaySocket),
    isDriven: ({ instanceId }) => isDriven(ledger.runOf(instanceId)),
    needsSetup: ({ instanceId, disk }, who) => {
      const run = ledger.runOf(instanceId);
      if (run?.isSetUp === true && !disk.isSetUp) world.violate(`${who} begins in ${instanceId} without what was set up`);
    },
    request: (sandbox) => requestOut(world, sandbox),
  };
  const refuse = (): Error | null => (world.weather.enginesAway.has(machine) ? away() : null);
  const folderOf = (id: InstanceId): string => `/${machine}/${server}/sandboxes/${id}`;
  const own = (handle: SandboxHandle): Sandbox | null => {
    const sandbox = sandboxes.get(Data.parse(handle.data).folder) ?? null;
    if (sandbox !== null && sandbox.machine !== machine)
      world.violate(`${process.name} reaches for ${handle.instanceId} of another machine`);
    return sandbox;
  };
  const make = (spec: SandboxSpec): SandboxHandle => {
    const { instanceId, mounts } = spec;
    const folder = folderOf(instanceId);
    const there = sandboxes.get(folder);
    // Dead or alive, until it is destroyed.
    if (there !== undefined) return there.handle;
    const workspace = mounts.find(({ target }) => target === "/workspace")?.source ?? "";
    const doors = mounts.find(({ target }) => target === "/doors")?.source ?? "";
    const root = workspace.replace(/\/workspace$/, "");
    const disk = world.disks.get(root);
    if (disk === undefined || !disk.exists) throw new Error(`there is no folder ${root}`);
    if (!disk.hasWorkspace) throw new Error(`there is no folder ${workspace}`);
    const handle: SandboxHandle = {
      version: 1,
      driver: "bubblewrap",
      instanceId,
      endpoint: { socketPath: socketOf(doors) },
      data: { folder },
    };
    const setup = mounts.find(({ target }) => target === SETUP_MOUNT)?.source ?? null;
    if (setup !== null && !world.setups.has(setup)) throw new Error(`there is no folder ${setup}`);
    disk.setup = setup;
    const isStray = ledger.isDrivenByAnother(process, instanceId);
    world.log(`${process.name} makes ${instanceId}${isStray ? ", which another server drives" : ""}`);
    ledger.touches(process, instanceId);
    sandboxes.set(folder, new Sandbox(handle, { disk, server, machine, isStray, parts }));
    return handle;
  };
  return {
    name: "bubblewrap",
    probe: (signal) =>
      process.call(
        "driver.probe",
        () => {
          const isAway = refuse() !== null;
          return isAway ? { usable: false, why: "The engine is away." } : { usable: true, details: "simulated" };
        },
        { signal },
      ),
    create: (spec, signal) =>
      process.call(
        "driver.create",
        () => {
          const refused = refuse();
          if (refused !== null) ledger.hit(spec.instanceId, "engine");
          // An engine that goes away in the middle may have made it.
          if (refused !== null && random.chance(0.7)) throw refused;
          const handle = make(spec);
          if (refused !== null) throw refused;
          return handle;
        },
        { signal, wayMs: 1500, endsWithAbort: true },
      ),
    inspect: (handle) =>
      process.call("driver.inspect", () => own(handle)?.inspect() ?? { status: "gone" }, { refuse, wayMs: 60 }),
    logs: (_handle, signal) => process.call("driver.logs", () => "it said nothing", { signal, refuse }),
    destroy: (handle) => {
      const askedAt = time.now;
      return process.call(
        "driver.destroy",
        () => {
          const { instanceId } = handle;
          const sandbox = own(handle);
          if (sandbox === null) return;
          const isItsOwnStray = sandbox.isStray && sandbox.server === server;
          if (ledger.isSomebodyElses(process, instanceId) && sandbox.isUp && !isItsOwnStray) {
            const run = ledger.runOf(instanceId);
            const toldAt = run === null ? undefined : process.confirmedAt.get(run.id);
            if (toldAt === undefined || askedAt - toldAt > SURE_FOR_MS)
              world.violate(`${process.name} destroys ${instanceId}, which another server drives`);
            ledger.hit(instanceId, "deaths");
          }
          world.log(`${process.name} destroys ${instanceId}`);
          sandbox.end("gone");
          sandboxes.delete(Data.parse(handle.data).folder);
        },
        { refuse, wayMs: 400 },
      );
    },
    list: () =>
      process.call(
        "driver.list",
        () => [...sandboxes.values()].filter((sandbox) => sandbox.server === server).map(({ handle }) => handle),
        { refuse },
      ),
  };
};

/** Something goes through the door that is open at the sandbox's socket, if any is. */
const requestOut = (world: World, { disk }: Sandbox): void => {
  const door = world.sockets.get(disk.gatewaySocket);
  if (door === undefined) return;
  const audit = world.auditOf(door.auditPath);
  const refused = world.random.chance(0.5);
  audit.records.push({
    n: audit.records.length + 1,
    at: world.at(),
    runId: door.runId,
    kind: "connect",
    method: "CONNECT",
    host: refused ? "elsewhere.test" : "registry.test",
    port: 443,
    path: "",
    decision: refused ? "refused" : "allowed",
    rule: "simulated",
    status: refused ? 403 : null,
    bytesUp: 0,
    bytesDown: 0,
    durationMs: 1,
    usage: null,
  });
  for (const tell of [...audit.followers]) tell();
};

/** The folders of a new sandbox. */
export const makeDisk = (world: World, instanceId: InstanceId, root: string): void => {
  const known = world.disks.get(root);
  if (known?.exists === true) return;
  world.disks.set(root, new Disk(instanceId, root));
};
