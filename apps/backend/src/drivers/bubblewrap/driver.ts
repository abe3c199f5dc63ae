import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { CcrError, type InstanceId, type SandboxHandle, type SandboxSpec } from "@ccr/protocol";
import { diskUsage } from "../disk.ts";
import { handleFolder, instanceFolder, requireOwnHandle } from "../handle.ts";
import { type Identity, sandboxIdentity, serverIdentity } from "../identity.ts";
import { executorSocket } from "../layout.ts";
import { prepareMounts, writableSources } from "../mounts.ts";
import { exited, KILLED_EXIT_CODE, NEVER_RAN_EXIT_CODE } from "../results.ts";
import type { Probe, SandboxDriver, SandboxState } from "../types.ts";
import {
  type CgroupHome,
  cgroupFolders,
  cgroupMembers,
  countOutOfMemoryKills,
  findCgroupHome,
  makeCgroups,
  removeCgroups,
} from "./cgroups.ts";
import { ensureCompileCache } from "./compile-cache.ts";
import { readHostSystem } from "./host.ts";
import { findInit, rememberInit } from "./init.ts";
import { ARGUMENTS_FD, launch, SECCOMP_FD, STATUS_FD } from "./launch.ts";
import { bwrapArguments, commandInside } from "./plan.ts";
import { probeBubblewrap } from "./probe.ts";
import { isRunning, isSame, killUntilGone, type ProcessIdentity } from "./processes.ts";
import { seccompFilter } from "./seccomp.ts";
import {
  etcPaths,
  findMonitor,
  findRecord,
  listRecords,
  readLog,
  readStatus,
  removeState,
  type SandboxRecord,
  stateFiles,
  writeState,
} from "./state.ts";

export type BubblewrapDriverOptions = {
  /** This server's identity: it lists only what carries it. */
  owner: string;
  /** A folder of the driver's own, where it writes down what it makes. */
  stateDir: string;
  /** The checkout that this server runs from: its dependencies and the executor are what a sandbox runs. */
  projectRoot: string;
  /** The program; looked for on PATH when left out. */
  bwrapPath?: string | undefined;
  /**
   * Where what is compiled is kept, for all servers of the checkout; nobody else may write there. Left out: with the state, for this server alone.
   */
  compiledDir?: string | undefined;
  /** Is told, once, why sandboxes start slower than they could. */
  warn?: (text: string) => void;
};

// The kernel ends a namespace's processes at once; ones that wait for a disk may take long.
const GONE_WITHIN_MS = 20_000;

/** Sandboxes as processes in namespaces of their own, made by bubblewrap on this host's system, without any engine. */
export class BubblewrapDriver implements SandboxDriver {
  readonly name = "bubblewrap";
  readonly #options: BubblewrapDriverOptions;
  readonly #server: Identity = serverIdentity();
  /** Two calls at once must not both find that nothing is there; across restarts the folder tells. */
  readonly #creating = new Map<InstanceId, Promise<SandboxHandle>>();
  #compileCache: Promise<string | null> | null = null;

  constructor(options: BubblewrapDriverOptions) {
    this.#options = options;
  }

  probe(signal: AbortSignal): Promise<Probe> {
    return probeBubblewrap({ ...this.#options, server: this.#server }, signal);
  }

  create(spec: SandboxSpec, signal: AbortSignal): Promise<SandboxHandle> {
    const going = this.#creating.get(spec.instanceId);
    if (going !== undefined) return going;
    const created = this.#create(spec, signal).finally(() => this.#creating.delete(spec.instanceId));
    this.#creating.set(spec.instanceId, created);
    return created;
  }

  async inspect(handle: SandboxHandle): Promise<SandboxState> {
    const folder = this.#folder(handle);
    const record = await findRecord(folder);
    if (record === null) return { status: "gone" };
    const diskBytes = await diskUsage([...record.writable, stateFiles(folder).log]);
    const exitCode = await this.#exitCode(folder);
    const outOfMemoryKills = await countOutOfMemoryKills(record.cgroups);
    if (exitCode === null) return { status: "running", outOfMemoryKills, diskBytes };
    return exited({ exitCode, outOfMemoryKills, diskBytes });
  }

  async logs(handle: SandboxHandle): Promise<string> {
    return readLog(this.#folder(handle));
  }

  async destroy(handle: SandboxHandle): Promise<void> {
    const folder = this.#folder(handle);
    const record = await findRecord(folder);
    if (record !== null) {
      if (!(await killUntilGone(() => this.#processes(folder, record), GONE_WITHIN_MS))) {
        const left = (await this.#processes(folder, record)).map(({ pid }) => pid).join(", ");
        throw new CcrError("internal", `Processes of the sandbox ${handle.instanceId} could not be killed: ${left}.`);
      }
      await removeCgroups(record.cgroups);
    }
    await removeState(folder);
  }

  async list(): Promise<SandboxHandle[]> {
    const records = await listRecords(this.#options.stateDir);
    return records.filter((record) => record.owner === this.#options.owner).map((record) => record.handle);
  }

  async #create(spec: SandboxSpec, signal: AbortSignal): Promise<SandboxHandle> {
    signal.throwIfAborted();
    const handle = this.#handle(spec);
    const folder = this.#folder(handle);
    const found = await findRecord(folder);
    if (found !== null) {
      if ((await readStatus(folder)).initPid !== null) {
        await rememberInit(folder);
        return found.handle;
      }
      await this.destroy(handle); // half made by a server that was killed
    }
    await prepareMounts(spec, this.#server);
    await mkdir(this.#options.stateDir, { recursive: true, mode: 0o700 });
    const home = await findCgroupHome();
    const record = this.#record(spec, handle, home);
    await this.#write(folder, spec, record);
    signal.throwIfAborted();
    await makeCgroups(home, this.#cgroupName(spec), spec.limits);
    const processLimit = home.parents.pids === undefined ? spec.limits.processes : null;
    const inside = commandInside({ server: this.#server, identity: sandboxIdentity(this.#server), processLimit });
    const command = [this.#options.bwrapPath ?? "bwrap", "--args", String(ARGUMENTS_FD), "--", ...inside];
    await launch({ folder, cgroups: record.cgroups, limits: spec.limits, command }, signal);
    await rememberInit(folder);
    return handle;
  }

  #handle(spec: SandboxSpec): SandboxHandle {
    const socket = executorSocket(spec);
    if ("problem" in socket) throw new CcrError("internal", socket.problem);
    return {
      version: 1,
      driver: this.name,
      instanceId: spec.instanceId,
      endpoint: { socketPath: socket.path },
      data: { folder: instanceFolder(this.#options.stateDir, spec.instanceId) },
    };
  }

  #record(spec: SandboxSpec, handle: SandboxHandle, home: CgroupHome): SandboxRecord {
    return {
      handle,
      owner: this.#options.owner,
      deadline: spec.deadline,
      cgroups: cgroupFolders(home, this.#cgroupName(spec)),
      writable: writableSources(spec),
    };
  }

  /** Of this server alone: what another one of this machine made for the instance is never killed with it. */
  #cgroupName({ instanceId }: SandboxSpec): string {
    const server = createHash("sha256").update(resolve(this.#options.stateDir)).digest("hex").slice(0, 8);
    return `ccr-${instanceId}-${server}`;
  }

  async #write(folder: string, spec: SandboxSpec, record: SandboxRecord): Promise<void> {
    const identity = sandboxIdentity(this.#server);
    const seccomp = seccompFilter(process.arch);
    const plan = bwrapArguments({
      spec,
      host: await readHostSystem(),
      server: this.#server,
      identity,
      projectRoot: this.#options.projectRoot,
      compileCache: await this.#findCompileCache(),
      architecture: process.arch,
      etc: etcPaths(folder, identity),
      seccompFd: seccomp === null ? null : SECCOMP_FD,
      statusFd: STATUS_FD,
    });
    await writeState(folder, { record, identity, bwrapArguments: plan, seccomp });
  }

  /** Filled before the first sandbox; null when it cannot be, which is not tried again. */
  #findCompileCache(): Promise<string | null> {
    const { compiledDir, stateDir } = this.#options;
    const where = { ...this.#options, stateDir: compiledDir ?? stateDir, server: this.#server };
    this.#compileCache ??= ensureCompileCache(where).catch((error: unknown) => {
      // A sandbox works without it.
      const why = error instanceof Error ? error.message : String(error);
      this.#options.warn?.(`Sandboxes start slower than they could, because the executor could not be compiled for them: ${why}`);
      return null;
    });
    return this.#compileCache;
  }

  /** Also of a sandbox that another server of this machine made. */
  #folder(handle: SandboxHandle): string {
    requireOwnHandle(handle, this.name);
    return handleFolder(handle, this.#options.stateDir);
  }

  /** How the sandbox ended, or null while it runs. */
  async #exitCode(folder: string): Promise<number | null> {
    const { initPid, exitCode } = await readStatus(folder);
    if (exitCode !== null) return exitCode;
    const monitor = await findMonitor(folder);
    if (monitor === null) return NEVER_RAN_EXIT_CODE;
    if ((await isRunning(monitor)) || (await findInit(folder)) !== null) return null;
    // It may have ended between the two looks. That it was killed is all that is known when bwrap was killed with it.
    return (await readStatus(folder)).exitCode ?? (initPid === null ? NEVER_RAN_EXIT_CODE : KILLED_EXIT_CODE);
  }

  /**
   * What is to be killed now: its namespace's first process, with which all in there end, and everything in its control groups, but not the
   * process that became bwrap, which ends by itself after it has reaped the sandbox; and that one when nothing else is left.
   */
  async #processes(folder: string, record: SandboxRecord): Promise<ProcessIdentity[]> {
    const monitor = await findMonitor(folder);
    const init = await findInit(folder);
    const members = await cgroupMembers(record.cgroups);
    const others = init === null ? members : [init, ...members];
    if (monitor === null || !(await isRunning(monitor))) return others;
    const inside = others.filter((process) => !isSame(process, monitor));
    return inside.length > 0 ? inside : [monitor];
  }
}
