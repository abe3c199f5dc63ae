import { holdOf, isFinal, type QueuePlace, type RunId } from "@ccr/protocol";
import type { Claim, Lease, QueuedRun } from "../store/types.ts";
import { type Background, inBackground } from "./background.ts";
import type { RunDeps } from "./deps.ts";
import { keptElsewhere } from "./downloads.ts";
import { RunEnded } from "./ending.ts";
import { LeaseWatch, STALE_AFTER_MS } from "./lease.ts";
import { Leaving } from "./patience.ts";
import { reap } from "./reaper.ts";
import { isHere } from "./sandboxes.ts";
import { messageOf } from "./scene.ts";
import { superviseRun } from "./supervise.ts";

// New runs wake the dispatcher; this is for those that another server created, and for those that another server left.
const LOOK_EVERY_MS = 1000;
const REAP_EVERY_MS = 60_000;
// A run that is being saved when the server ends is mostly saved within seconds; one that is not is taken up by the next start.
const LEAVE_WITHIN_MS = 20_000;
/**
 * A server that was stopped in order is to come back to its runs, as after an update or a restart of its machine. Whoever cannot reach
 * their sandboxes could only end them, and waits for it this long.
 */
const RETURN_WITHIN_MS = 15 * 60_000;

/**
 * Takes up the runs that nobody drives any more, then claims queued ones in their order, as long as fewer than `limits.runs` are going on, and
 * supervises each.
 */
export class Dispatcher implements AsyncDisposable {
  readonly #deps: RunDeps;
  readonly #going = new Map<RunId, { stop: AbortController; done: Promise<void> }>();
  readonly #closing = new AbortController();
  readonly #watch = new LeaseWatch();
  #isFirstLook = true;
  #wake = new AbortController();
  readonly #loop: Background;
  readonly #reaper: Background;

  constructor(deps: RunDeps) {
    this.#deps = deps;
    this.#loop = inBackground((signal) => this.#run(signal));
    this.#reaper = inBackground((signal) => this.#reap(signal));
  }

  /** Looks for runs to drive now. */
  wake(): void {
    this.#wake.abort();
  }

  /** Ends the work on a run that this server drives; one that another server drives hears of it through the store. */
  stop(id: RunId, why: RunEnded): void {
    this.#going.get(id)?.stop.abort(why);
  }

  /** Whether this server drives the run now. */
  drives(id: RunId): boolean {
    return this.#going.has(id);
  }

  /** Resolves when the run is not, or no longer, driven by this server. */
  async settled(id: RunId): Promise<void> {
    await this.#going.get(id)?.done;
  }

  /** The places of the runs that are queued now, by their ids. */
  async places(): Promise<Map<RunId, QueuePlace>> {
    const { store, server, limits } = this.#deps;
    const [queued, room, today] = await Promise.all([store.queue.queued(limits), this.#deps.roomForRun(), store.budgets.today()]);
    const common = !room.enough ? "disk" : this.#going.size >= limits.runs ? "all" : null;
    const budget = holdOf(today);
    const held = ({ heldBy, home }: QueuedRun): Pick<QueuePlace, "heldBy" | "budget"> => {
      if (heldBy === "paused") return { heldBy };
      if (budget !== null) return { heldBy: "budget", budget };
      return { heldBy: home === null || home === server ? (common ?? heldBy) : "server" };
    };
    return new Map(queued.map((run) => [run.id, { position: run.position, queued: queued.length, ...held(run) }]));
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#wake = new AbortController();
      try {
        await this.#takeUpLeft();
        await this.#claimQueued();
      } catch (error) {
        // The store may be locked or full for a while; everything is looked at again at the next turn.
        this.#deps.log("error", "the queue could not be looked at", { error: messageOf(error) });
      }
      await this.#deps.clock.wait(LOOK_EVERY_MS, AbortSignal.any([this.#wake.signal, signal]));
    }
  }

  async #takeUpLeft(): Promise<void> {
    const { store, server, clock, metrics, log } = this.#deps;
    const all = await store.queue.leases().catch((error: unknown) => {
      this.#watch.forget();
      throw error;
    });
    const leases = all.filter(({ id }) => !this.#going.has(id));
    const quietMs = this.#watch.look(leases, clock.elapsedMs());
    for (const lease of leases) {
      try {
        if (!(await this.#isLeft(lease, quietMs.get(lease.id) ?? 0))) continue;
        if (this.#closing.signal.aborted) return;
        const claim = await store.queue.takeOver(lease, server);
        if (claim === null) continue;
        metrics.takenOver();
        log("info", "a run that nobody drove is taken up", { runId: lease.id, status: lease.status });
        this.#supervise(claim);
      } catch (error) {
        // What is wrong with one run keeps no other from being driven.
        log("error", "a run could not be taken up", { runId: lease.id, error: messageOf(error) });
      }
    }
    this.#isFirstLook = false;
  }

  /** Whether nobody drives a run any more, and it is for us to take it up. */
  async #isLeft({ id, owner, status }: Lease, quietMs: number): Promise<boolean> {
    // A server is one process at a time: what it owns when it starts was left by the one before it.
    if (owner !== null) {
      if (this.#isFirstLook && owner === this.#deps.server) return true;
      if (quietMs < STALE_AFTER_MS) return false;
      // Another one, that has not what it is to begin with, could only end it.
      return status !== "starting" || quietMs >= RETURN_WITHIN_MS || (await this.#canBegin(id));
    }
    // It was given up in order. What has not begun begins anew, wherever that can be.
    if (status === "starting" ? await this.#canBegin(id) : await this.#canReach(id)) return true;
    // Whoever canceled a run waits for no more than its end to be told.
    return quietMs >= (status === "canceling" ? STALE_AFTER_MS : RETURN_WITHIN_MS);
  }

  /** Whether this server has what a run is to go on with, or it goes on with nothing that one of them keeps. */
  async #canBegin(id: RunId): Promise<boolean> {
    const { runs } = this.#deps.store;
    const { continues } = (await runs.find(id)) ?? { continues: null };
    if (continues === null || continues.fromKept.length === 0) return true;
    return (await keptElsewhere(this.#deps, await runs.find(continues.runId))) === null;
  }

  /** Whether the sandbox of a run can be reached from here, or there is none. */
  async #canReach(id: RunId): Promise<boolean> {
    const { store } = this.#deps;
    const instanceId = (await store.runs.find(id))?.instanceId ?? null;
    const record = instanceId === null ? null : await store.instances.findRecord(instanceId);
    return record === null || isHere(this.#deps, record);
  }

  async #claimQueued(): Promise<void> {
    const { store, server, limits } = this.#deps;
    while (this.#going.size < limits.runs && !this.#closing.signal.aborted) {
      if (!(await this.#deps.roomForRun()).enough) return;
      const claim = await store.queue.claimNext({ owner: server, ...limits });
      if (claim === null) return;
      this.#supervise(claim);
    }
  }

  #supervise(claim: Claim): void {
    const { id } = claim.run;
    const stop = new AbortController();
    const options = { claim, deps: this.#deps, signal: stop.signal, closing: this.#closing.signal };
    const done = superviseRun(options).finally(() => {
      this.#going.delete(id);
      this.wake();
    });
    this.#going.set(id, { stop, done });
    // The person may have canceled between the claim and this line; whoever cannot look now hears of it when the lease is renewed.
    void this.#deps.store.runs.find(id).then(
      (now) => {
        if (now !== null && (now.status === "canceling" || isFinal(now.status))) stop.abort(new RunEnded("canceled"));
      },
      () => {},
    );
  }

  async #reap(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await reap(this.#deps, (id) => this.#going.has(id));
      await this.#deps.clock.wait(REAP_EVERY_MS, signal);
    }
  }

  /** Claims nothing more, and leaves the runs that are going on as they are: their agents work on, and the next server takes them up. */
  async [Symbol.asyncDispose](): Promise<void> {
    // First of all: a database that is away is not waited for any more, and no run is to end for that.
    for (const { stop } of this.#going.values()) stop.abort(new Leaving());
    this.#closing.abort(new Leaving());
    const waited = new AbortController();
    const late = this.#deps.clock.wait(LEAVE_WITHIN_MS, waited.signal);
    // An engine that does not answer keeps the reaper for longer than anybody wants to wait.
    await Promise.race([Promise.all([this.#loop.stop(), this.#reaper.stop()]), late]);
    const left = [...this.#going.values()];
    if (left.length > 0) {
      const runs = left.length === 1 ? "1 run goes on" : `${left.length} runs go on`;
      this.#deps.log("info", `${runs} without this server, and cost what they cost; start it again to follow or cancel them`);
    }
    for (const { stop } of left) stop.abort(new Leaving());
    await Promise.race([Promise.all(left.map(({ done }) => done)), late]);
    waited.abort();
  }
}
