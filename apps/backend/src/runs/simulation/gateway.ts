import { isDeepStrictEqual } from "node:util";
import { CcrError, type Door, type Policy, type RunId, type ServerId } from "@ccr/protocol";
import type { Process } from "./process.ts";
import type { World } from "./world.ts";

/** A door that is open: whose gateway serves it, and where it writes down what goes through. */
export type OpenDoor = Pick<Door, "runId" | "socketPath" | "alsoAt" | "auditPath" | "fence"> & { server: ServerId };

/** The process that looks after a gateway, and the doors that it wants to be open. */
type Keeper = { process: Process; wanted: ReadonlyMap<RunId, { door: Door }> };

// A door that could not be opened again is tried again, as long as it is wanted.
const TRY_AGAIN_MS = 2000;

/**
 * A server's gateway: a process of its own, whose doors stay open when the server dies. When it dies itself, the server starts it again, which
 * may take a while, and opens the doors again that it wants; a server that is dead does so when it starts, and wants none then.
 */
export class Gateway {
  readonly server: ServerId;
  readonly doors = new Map<RunId, OpenDoor>();
  #isAway = false;
  #awayUntil = 0;
  #keeper: Keeper | null = null;
  readonly #world: World;

  constructor(server: ServerId, world: World) {
    this.server = server;
    this.#world = world;
  }

  /** Whose process looks after it from now on. */
  keptBy(keeper: Keeper): void {
    this.#keeper = keeper;
    if (this.#isAway) this.#startAgain();
  }

  /** The runs whose doors are open, or are to be when they can be. */
  get held(): RunId[] {
    return [...new Set([...this.doors.keys(), ...(this.#keeper?.wanted.keys() ?? [])])];
  }

  /** It dies, and cannot be started again for this long. */
  goAway(forMs: number): void {
    const { time } = this.#world;
    if (this.#isAway) return;
    this.#world.log(`the gateway of ${this.server} is away`);
    for (const runId of [...this.doors.keys()]) this.#shut(runId);
    this.#isAway = true;
    this.#awayUntil = time.now + forMs;
    this.#startAgain();
  }

  /** Nothing keeps it from being started any more. */
  canStart(): void {
    this.#awayUntil = 0;
    if (this.#isAway) this.#startAgain();
  }

  /**
   * Opens a run's door; one that is open with other paths is closed first. Whoever opens a socket last has it, also when another gateway of the
   * machine had it before, unless that was with a greater fencing number.
   */
  open({ runId, socketPath, alsoAt, auditPath, policy, fence }: Door): void {
    const { sockets, ledger } = this.#world;
    this.assertThere();
    for (const { host } of policy.allow)
      if (ledger.runs.get(runId)?.allowedHosts.has(host) !== true)
        this.#world.violate(`the door of ${runId} lets through ${host}, which nobody has stored`);
    const current = sockets.get(socketPath)?.fence ?? 0;
    if (fence < current) throw new CcrError("forbidden", `The door of ${runId} was opened with ${current}.`);
    const open = this.doors.get(runId);
    const isSame = open?.socketPath === socketPath && open.auditPath === auditPath && isDeepStrictEqual(open.alsoAt, alsoAt);
    if (open !== undefined && isSame && sockets.get(socketPath) === open) {
      open.fence = fence;
      this.#letThrough(runId, policy);
      return;
    }
    const taken = [...this.doors.values()].find(
      (other) => other.runId !== runId && (other.socketPath === socketPath || other.auditPath === auditPath),
    );
    if (taken !== undefined) throw new CcrError("conflict", `The door of ${taken.runId} has the same socket or audit file.`);
    this.#shut(runId);
    const all = [socketPath, ...alsoAt];
    const folders = new Set(
      [...this.#world.disks.values()].flatMap(({ exists, gatewaySocket }) => (exists ? [gatewaySocket] : [])),
    );
    for (const path of all)
      if (!folders.has(path))
        throw new CcrError("unavailable", `Cannot listen at ${path}. Its folder must exist and be writable.`);
    const door = { server: this.server, runId, socketPath, alsoAt, auditPath, fence };
    this.doors.set(runId, door);
    for (const path of all) sockets.set(path, door);
    this.#letThrough(runId, policy);
  }

  close(runId: RunId): void {
    this.assertThere();
    this.#shut(runId);
  }

  assertThere(): void {
    if (this.#isAway) throw new CcrError("unavailable", "The gateway does not answer.");
  }

  #letThrough(runId: RunId, { allow }: Policy): void {
    for (const { host } of allow) this.#world.letThrough.add(`${runId} ${host}`);
  }

  #shut(runId: RunId): void {
    const { sockets } = this.#world;
    const door = this.doors.get(runId);
    if (door === undefined) return;
    this.doors.delete(runId);
    for (const path of [door.socketPath, ...door.alsoAt]) if (sockets.get(path) === door) sockets.delete(path);
  }

  #startAgain(): void {
    const { time } = this.#world;
    const keeper = this.#keeper;
    time.after(this.#awayUntil - time.now, () =>
      keeper?.process.letIn(() => {
        if (keeper !== this.#keeper || !this.#isAway || time.now < this.#awayUntil) return;
        this.#world.log(`the gateway of ${this.server} is back`);
        this.#isAway = false;
        for (const runId of keeper.wanted.keys()) this.#openAgain(keeper, runId);
      }),
    );
  }

  #openAgain(keeper: Keeper, runId: RunId): void {
    const wanted = keeper.wanted.get(runId);
    if (wanted === undefined || keeper !== this.#keeper || this.#isAway) return;
    try {
      this.open(wanted.door);
    } catch {
      // The trouble of this door, and of no other.
      this.#world.time.after(TRY_AGAIN_MS, () => keeper.process.letIn(() => this.#openAgain(keeper, runId)));
    }
  }
}
