import { type InstanceId, isFinal, type Run, type RunId, type RunStatus, type ServerId } from "@ccr/protocol";
import type { Claim } from "../../store/types.ts";
import type { Process } from "./process.ts";
import type { Timesheet } from "./timesheet.ts";

/** What hit a run from outside, by kind. */
export type Misfortunes = { deaths: number; agentDeaths: number; cuts: number; engine: number; frozen: number };

export type RunEntry = {
  id: RunId;
  repository: string;
  taskId: string;
  /** Whether its environment has a set-up. */
  isSetUp: boolean;
  status: RunStatus;
  fence: number;
  /** Who drives it, as far as the answer got there. */
  holder: Process | null;
  takenAt: number;
  /** When the one who drove it gave it up; null when somebody drives it, or was to when it died. */
  releasedAt: number | null;
  /** How many renewals of its lease in a row the database refused to its driver, by chance, and whether it did so since it was away. */
  refused: Record<Refusal, number>;
  /** Whether its driver was lost in truth when somebody took it over, since it goes on in its sandbox. */
  isForsaken: boolean;
  /** The sandbox that it goes on in. */
  instanceId: InstanceId | null;
  /** When it was last seen driven. */
  drivenAt: number;
  /** Whether somebody wished to cancel it. */
  wasCanceled: boolean;
  /** What people let it reach, once that was stored. */
  allowedHosts: Set<string>;
  /** How many claims of it ended before it ran. */
  launches: number;
  /** Whether its agent has begun. */
  hasRun: boolean;
  hit: Misfortunes;
  time: Timesheet;
};

/** Why the database did not do what a process asked it that could reach it. */
export type Refusal = "chance" | "outage";

type InstanceEntry = {
  runId: RunId;
  machine: string;
  /** The greatest fence of those who did something with it. */
  touched: number;
};

const RENEWED_EVERY_MS = 5000;
// A lease is lost after 25 s without a renewal. The first of these renewals was due 5 s after the last one that was made, give or take the
// way to the database: whoever was held up for less could have made it.
const LOST_AFTER_MS = 19_000;
// A server that was started takes up at its first look what its last process left.
const TAKEN_UP_WITHIN_MS = 3000;
// So long a run that was given up in order is left to the servers that can reach its sandbox: one that is started again goes on with it.
const LEFT_TO_ITS_MACHINE_MS = 15 * 60_000;
// What the design grants, and the second within which we look.
const UNDRIVEN_MOST_MS = 31_000;

/** What happened to the runs, as a witness saw it who stands at the store and at every sandbox. */
export class Ledger {
  readonly runs = new Map<RunId, RunEntry>();
  readonly instances = new Map<InstanceId, InstanceEntry>();
  /** The process of each server, the last one when it has none. */
  readonly #processes = new Map<ServerId, Process>();
  readonly #violate: (what: string) => void;
  readonly #limits: { runs: number; perRepository: number | null; perTask: number | null };

  constructor(limits: Ledger["limits"], violate: (what: string) => void) {
    this.#limits = limits;
    this.#violate = violate;
  }

  get limits(): { runs: number; perRepository: number | null; perTask: number | null } {
    return this.#limits;
  }

  created({ id, repository, taskId, limits, environment }: Run): void {
    if (this.runs.has(id)) return;
    const hit = { deaths: 0, agentDeaths: 0, cuts: 0, engine: 0, frozen: 0 };
    const nobody = { holder: null, takenAt: 0, releasedAt: null, instanceId: null, drivenAt: 0, fence: 0, launches: 0 };
    const lease = { refused: { chance: 0, outage: 0 }, isForsaken: false, hasRun: false };
    const time = { limitMs: limits.timeSeconds * 1000, mostMs: 0, leastMs: 0, overdueMs: 0 };
    const isSetUp = environment?.setup != null;
    const people = { wasCanceled: false, allowedHosts: new Set<string>() };
    this.runs.set(id, { id, repository, taskId, isSetUp, status: "queued", hit, time, ...people, ...nobody, ...lease });
  }

  /** A server has a new process. */
  started(process: Process): void {
    this.#processes.set(process.server, process);
  }

  claimed(process: Process, claim: Claim, options: { now: number; isNew: boolean }): void {
    const entry = this.runs.get(claim.run.id);
    if (entry === undefined) {
      this.#violate(`${claim.run.id} was claimed before it was created`);
      return;
    }
    const { now, isNew } = options;
    if (isFinal(entry.status)) this.#violate(`${entry.id} was claimed when it was ${entry.status}`);
    if (claim.fence <= entry.fence) this.#violate(`${entry.id} was claimed with ${claim.fence} after ${entry.fence}`);
    if (isNew) this.#checkLimits(entry, process);
    else {
      const isLost = this.#isDriverLost(entry, now);
      if (!isLost && entry.releasedAt === null && entry.holder?.server !== process.server)
        this.#violate(`${entry.id} was taken from ${entry.holder?.name}, which was there and could renew its lease`);
      entry.isForsaken ||= isLost;
    }
    entry.status = claim.run.status;
    if (claim.run.status === "starting") entry.launches++;
    entry.fence = claim.fence;
    entry.holder = process;
    entry.takenAt = now;
    entry.drivenAt = now;
    entry.releasedAt = null;
    entry.refused = { chance: 0, outage: 0 };
  }

  renewed(id: RunId, now: number): void {
    const entry = this.runs.get(id);
    if (entry === undefined) return;
    entry.drivenAt = now;
    entry.refused = { chance: 0, outage: 0 };
  }

  renewalRefused(process: Process, id: RunId, why: Refusal): void {
    const entry = this.runs.get(id);
    // An outage that lasts counts as one: nobody could take the run over meanwhile.
    if (entry?.holder === process) entry.refused[why] = why === "outage" ? 1 : entry.refused[why] + 1;
  }

  goesOnIn(id: RunId, instanceId: InstanceId): void {
    const entry = this.runs.get(id);
    if (entry === undefined) return;
    if (entry.instanceId !== instanceId) entry.isForsaken = false;
    entry.instanceId = instanceId;
  }

  /** The one who claimed never heard of it. */
  claimUnheard(id: RunId, fence: number): void {
    const entry = this.runs.get(id);
    if (entry?.fence === fence) entry.holder = null;
  }

  /** Its driver gave it up. */
  released(id: RunId, fence: number, now: number): void {
    const entry = this.runs.get(id);
    if (entry === undefined || entry.fence !== fence || isFinal(entry.status)) return;
    entry.holder = null;
    entry.releasedAt = now;
  }

  moved(id: RunId, status: RunStatus): void {
    const entry = this.runs.get(id);
    if (entry === undefined) return;
    if (isFinal(entry.status) && status !== entry.status) this.#violate(`${id} went from ${entry.status} to ${status}`);
    if (status === "canceling" || (status === "canceled" && entry.status === "queued")) entry.wasCanceled = true;
    if (status === "running") entry.hasRun = true;
    entry.status = status;
  }

  made(instanceId: InstanceId, runId: RunId, machine: string): void {
    this.instances.set(instanceId, { runId, machine, touched: 0 });
  }

  /** Whether this is the sandbox that its run goes on in, as long as it goes on. */
  isCurrent(instanceId: InstanceId): boolean {
    const entry = this.runOf(instanceId);
    return entry !== null && !isFinal(entry.status) && entry.instanceId === instanceId;
  }

  runOf(instanceId: InstanceId): RunEntry | null {
    const instance = this.instances.get(instanceId);
    return instance === undefined ? null : (this.runs.get(instance.runId) ?? null);
  }

  hit(instanceId: InstanceId, what: keyof Misfortunes): void {
    const entry = this.runOf(instanceId);
    if (entry !== null) entry.hit[what]++;
  }

  /** A process did something with a sandbox. */
  touches(process: Process, instanceId: InstanceId): void {
    const instance = this.instances.get(instanceId);
    const entry = this.runOf(instanceId);
    if (instance === undefined || entry === null || entry.holder !== process) return;
    instance.touched = Math.max(instance.touched, entry.fence);
  }

  /** Whether the run of the sandbox goes on with another process. */
  isDrivenByAnother(process: Process, instanceId: InstanceId): boolean {
    const entry = this.runOf(instanceId);
    return entry !== null && !isFinal(entry.status) && entry.holder !== null && entry.holder !== process;
  }

  /** Whether somebody other than this process has taken the run over and done something with the sandbox since. */
  isSomebodyElses(process: Process, instanceId: InstanceId): boolean {
    const instance = this.instances.get(instanceId);
    return this.isDrivenByAnother(process, instanceId) && instance?.touched === this.runOf(instanceId)?.fence;
  }

  /** To be called every second: nobody who could is to leave a run alone for longer than a lease. */
  watch(now: number, able: readonly Process[], drives: (process: Process, id: RunId) => boolean): void {
    for (const entry of this.runs.values()) {
      if (entry.status === "queued" || isFinal(entry.status)) continue;
      const { holder } = entry;
      if (holder !== null && holder.state === "alive" && drives(holder, entry.id)) entry.drivenAt = now;
      const isLate = (process: Process): boolean => {
        const mostMs = UNDRIVEN_MOST_MS + (this.#waitsForItsMachine(entry, process) ? LEFT_TO_ITS_MACHINE_MS : 0);
        return now - Math.max(entry.drivenAt, process.ableSince) > mostMs;
      };
      if (!able.some(isLate)) continue;
      this.#violate(`${entry.id} is ${entry.status} without a driver since ${Math.round(entry.drivenAt / 1000)} s`);
      entry.drivenAt = now;
    }
  }

  /**
   * Whether the one who drove the run is gone, as far as anybody can know who sees all: dead and not started again, or held up for so long
   * that its lease was lost through that alone. One who gave the run up is gone when it had its time to come back.
   */
  #isDriverLost({ holder, releasedAt, refused }: RunEntry, now: number): boolean {
    if (releasedAt !== null) return now - releasedAt >= LEFT_TO_ITS_MACHINE_MS;
    // Whoever claimed it does not know.
    if (holder === null) return true;
    const process = this.#processes.get(holder.server);
    if (process === undefined || process.state === "dead") return true;
    if (process !== holder) return process.state !== "alive" || !process.hasBegun || now - process.ableSince < TAKEN_UP_WITHIN_MS;
    return process.heldUpMs() >= LOST_AFTER_MS - (refused.chance + refused.outage) * RENEWED_EVERY_MS;
  }

  /** Whether the run was given up, and this process is on another machine than its sandbox. Before it ran, there is none. */
  #waitsForItsMachine({ releasedAt, hasRun, instanceId }: RunEntry, process: Process): boolean {
    if (releasedAt === null || !hasRun || instanceId === null) return false;
    return this.instances.get(instanceId)?.machine !== process.machine;
  }

  #checkLimits(entry: RunEntry, process: Process): void {
    const going = [...this.runs.values()].filter(({ id, status }) => id !== entry.id && status !== "queued" && !isFinal(status));
    const { perRepository, perTask, runs } = this.#limits;
    const ofRepository = going.filter(({ repository }) => repository === entry.repository).length;
    const ofTask = going.filter(({ taskId }) => taskId === entry.taskId).length;
    const ofServer = going.filter(({ holder }) => holder === process).length;
    if (perRepository !== null && ofRepository >= perRepository) this.#violate(`${entry.id}: too many runs of its repository`);
    if (perTask !== null && ofTask >= perTask) this.#violate(`${entry.id}: too many runs of its task`);
    if (ofServer >= runs) this.#violate(`${entry.id}: too many runs of ${process.name}`);
  }
}
