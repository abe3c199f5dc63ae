import type { CheckResult, InstanceId, SpoolEvent } from "@ccr/protocol";

import type { Script, StepScript } from "./script.ts";

type Unnumbered = SpoolEvent extends infer Event ? (Event extends unknown ? Omit<Event, "seq" | "at"> : never) : never;

const hex = (value: number): string => value.toString(16).padStart(40, "0");

/** The folders of one sandbox: what outlives it, and lets the next one over the same folders go on. */
export class Disk {
  readonly instanceId: InstanceId;
  readonly root: string;
  exists = true;
  hasWorkspace = true;
  /** The workspace was put aside for the person. */
  isAside = false;
  /** The folders of the repositories that are checked out; null is the workspace itself. */
  readonly cloned = new Set<string | null>();
  /** What a set-up left is here, or was made here. */
  isSetUp = false;
  /** What is given to its sandbox of a set-up. */
  setup: string | null = null;
  /** What is given to its sandbox to be checked out. */
  readonly given = new Map<string | null, { commit: string; units: string[] }>();
  /** All events, in order; what was acknowledged counts as removed. */
  readonly spool: SpoolEvent[] = [];
  ackedSeq = 0;
  /** Who holds the lock on the spool. */
  executor: object | null = null;
  fence = 0;
  /** The executions by their ids, with the seqs of their first and last event. */
  readonly executions = new Map<string, { firstSeq: number; endSeq: number | null }>();
  readonly checks = new Map<string, CheckResult>();
  readonly units: string[] = [];
  readonly snapshots = new Map<string, string[]>();
  sessionId: string | null = null;
  /** What its agent was asked for last, which it goes on with when people say something. */
  task: { script: Script; step: StepScript } | null = null;
  conversationBytes = 0;

  constructor(instanceId: InstanceId, root: string) {
    this.instanceId = instanceId;
    this.root = root;
  }

  /** Where the gateway listens for what is inside. */
  get gatewaySocket(): string {
    return `${this.root.replace("/instances/", "/doors/")}/gateway.sock`;
  }

  append(event: Unnumbered, at: string): number {
    const seq = this.spool.length + 1;
    this.spool.push({ ...event, seq, at });
    return seq;
  }

  /** Whether every repository of its run is checked out: a folder tells that there are two. */
  get isCloned(): boolean {
    return this.cloned.size === (this.cloned.has(null) ? 1 : 2);
  }

  /** The commit that stands for a repository as it is. */
  commit(directory: string | null): string {
    return commitOf(unitsIn(this.units, directory));
  }

  snapshot(directory: string | null): string {
    const units = unitsIn(this.units, directory);
    this.snapshots.set(`${directory} ${commitOf(units)}`, units);
    return commitOf(units);
  }
}

/** A repository that some runs have beside their first one, and its folder. */
export const BESIDE = { repository: "octo/beside", directory: "beside" };

/** Those of the units that belong into a repository, which is the one alone when its folder is null. */
export const unitsIn = (units: readonly string[], directory: string | null): string[] =>
  directory === null ? [...units] : units.filter((unit) => (directory === BESIDE.directory) === /[13579]$/.test(unit));

const commitOf = (units: readonly string[]): string => hex(units.length + 1);

export const BASE_COMMIT = hex(1);
