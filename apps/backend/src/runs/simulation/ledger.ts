import { type InstanceId, isFinal, type RunId, type RunStatus } from "@ccr/protocol";
import type { Claim } from "../../store/types.ts";
import type { Process } from "./process.ts";

/** What hit a run from outside, by kind. */
export type Misfortunes = { deaths: number; agentDeaths: number; cuts: number; engine: number; frozen: number };

export type RunEntry = {
  id: RunId;
  repository: string;
  taskId: string;
  status: RunStatus;
  fence: number;
  /** Who drives it, as far as the answer got there. */
  holder: Process | null;
  takenAt: number;
  /** When the one who drives it last said so. */
  renewedAt: number;
  /** The sandbox that it goes on in. */
  instanceId: InstanceId | null;
  /** When it was last seen driven. */
  drivenAt: number;
  /** Whether somebody wished to cancel it. */
  wasCanceled: boolean;
  /** How many claims of it ended before it ran. */
  launches: number;
  hit: Misfortunes;
};

type InstanceEntry = { runId: RunId /** The greatest fence of those who did something with it. */; touched: number };

// A lease is left after 25 s without a renewal, of which one is on its way when it is looked at.
const TAKEN_NOT_BEFORE_MS = 20_000;
// What the design grants, and the second within which we look.
const UNDRIVEN_MOST_MS = 31_000;

/** What happened to the runs, as a witness saw it who stands at the store and at every sandbox. */
export class Ledger {
  readonly runs = new Map<RunId, RunEntry>();
  readonly instances = new Map<InstanceId, InstanceEntry>();
  readonly #violate: (what: string) => void;
  readonly #limits: { runs: number; perRepository: number | null; perTask: number | null };

  constructor(limits: Ledger["limits"], violate: (what: string) => void) {
    this.#limits = limits;
    this.#violate = violate;
  }

  get limits(): { runs: number; perRepository: number | null; perTask: number | null } {
    return this.#limits;
  }

  created(run: { id: RunId; repository: string; taskId: string }): void {
    if (this.runs.has(run.id)) return;
    const { id, repository, taskId } = run;
    const hit = { deaths: 0, agentDeaths: 0, cuts: 0, engine: 0, frozen: 0 };
    const nobody = { holder: null, takenAt: 0, renewedAt: 0, instanceId: null, drivenAt: 0, fence: 0, launches: 0 };
    this.runs.set(id, { id, repository, taskId, status: "queued", wasCanceled: false, hit, ...nobody });
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
    else if (entry.holder?.state === "alive" && now - entry.renewedAt < TAKEN_NOT_BEFORE_MS)
      this.#violate(`${entry.id} was taken from ${entry.holder.name}, which renewed its lease ${now - entry.renewedAt} ms ago`);
    entry.status = claim.run.status;
    if (claim.run.status === "starting") entry.launches++;
    entry.fence = claim.fence;
    entry.holder = process;
    entry.takenAt = now;
    entry.drivenAt = now;
    entry.renewedAt = now;
  }

  renewed(id: RunId, now: number): void {
    const entry = this.runs.get(id);
    if (entry === undefined) return;
    entry.renewedAt = now;
    entry.drivenAt = now;
  }

  goesOnIn(id: RunId, instanceId: InstanceId): void {
    const entry = this.runs.get(id);
    if (entry !== undefined) entry.instanceId = instanceId;
  }

  /** The one who claimed never heard of it. */
  claimUnheard(id: RunId, fence: number): void {
    const entry = this.runs.get(id);
    if (entry?.fence === fence) entry.holder = null;
  }

  moved(id: RunId, status: RunStatus): void {
    const entry = this.runs.get(id);
    if (entry === undefined) return;
    if (isFinal(entry.status) && status !== entry.status) this.#violate(`${id} went from ${entry.status} to ${status}`);
    if (status === "canceling" || (status === "canceled" && entry.status === "queued")) entry.wasCanceled = true;
    entry.status = status;
  }

  made(instanceId: InstanceId, runId: RunId): void {
    this.instances.set(instanceId, { runId, touched: 0 });
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

  /** Whether somebody other than this process has taken the run over and done something with the sandbox since. */
  isSomebodyElses(process: Process, instanceId: InstanceId): boolean {
    const instance = this.instances.get(instanceId);
    const entry = this.runOf(instanceId);
    if (instance === undefined || entry === null || isFinal(entry.status)) return false;
    return entry.holder !== null && entry.holder !== process && instance.touched === entry.fence;
  }

  /** To be called every second: nobody who could is to leave a run alone for longer than a lease. */
  watch(now: number, able: readonly Process[], drives: (process: Process, id: RunId) => boolean): void {
    for (const entry of this.runs.values()) {
      if (entry.status === "queued" || isFinal(entry.status)) continue;
      const { holder } = entry;
      if (holder !== null && holder.state === "alive" && drives(holder, entry.id)) entry.drivenAt = now;
      const since = Math.min(...able.map(({ ableSince }) => ableSince));
      if (now - Math.max(entry.drivenAt, since) <= UNDRIVEN_MOST_MS) continue;
      this.#violate(`${entry.id} is ${entry.status} without a driver since ${Math.round(entry.drivenAt / 1000)} s`);
      entry.drivenAt = now;
    }
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
