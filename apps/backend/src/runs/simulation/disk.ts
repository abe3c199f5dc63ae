import type { CheckResult, InstanceId, SpoolEvent } from "@ccr/protocol";

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
  isCloned = false;
  /** What a set-up left is here, or was made here. */
  isSetUp = false;
  /** What is given to its sandbox of a set-up. */
  setup: string | null = null;
  /** What is given to its sandbox to be checked out. */
  given: { commit: string; units: string[] } | null = null;
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

  /** The commit that stands for the workspace as it is. */
  get commit(): string {
    return hex(this.units.length + 1);
  }

  snapshot(): string {
    this.snapshots.set(this.commit, [...this.units]);
    return this.commit;
  }
}

export const BASE_COMMIT = hex(1);
