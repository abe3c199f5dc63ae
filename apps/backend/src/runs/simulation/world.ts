import type { AuditRecord, ServerId, WorkSnapshot } from "@ccr/protocol";
import { createIds, type Ids } from "../../store/ids.ts";
import { openSqliteStore } from "../../store/sqlite.ts";
import type { Store } from "../../store/types.ts";
import type { Disk } from "./disk.ts";
import { Gateway, type OpenDoor } from "./gateway.ts";
import { Ledger } from "./ledger.ts";
import { emptyRemote, type Remote } from "./outlet.ts";
import { Random } from "./random.ts";
import type { Sandbox } from "./sandbox.ts";
import type { Script } from "./script.ts";
import { VirtualTime } from "./time.ts";

/** How likely, or whether, what goes wrong by itself does so now. */
export type Weather = {
  /** The database is away as long as there is one. */
  storeAbsences: number;
  /** The servers that do not reach the database, though it is there. */
  cutOff: Set<ServerId>;
  storeRefuses: number;
  storeForgetsToAnswer: number;
  executorRefuses: number;
  executorForgetsToAnswer: number;
  enginesAway: Set<string>;
};

export const calm = (): Weather => ({
  storeAbsences: 0,
  cutOff: new Set(),
  storeRefuses: 0,
  storeForgetsToAnswer: 0,
  executorRefuses: 0,
  executorForgetsToAnswer: 0,
  enginesAway: new Set(),
});

export type Kept = { snapshot: WorkSnapshot; units: string[]; at: string };

/** A moment far from any daylight saving, as good as any other. */
export const EPOCH_MS = Date.UTC(2026, 0, 15, 12);

/** All that outlives a server: the database, the machines with their sandboxes and disks, the gateways, and the witness. */
export class World {
  readonly random: Random;
  readonly time: VirtualTime;
  readonly ledger: Ledger;
  readonly ids: Ids;
  readonly store: Store;
  readonly scripts: Script[] = [];
  weather: Weather = calm();
  /** By the folder in which their driver wrote them down: there may be several of one instance, over the same folders. */
  readonly sandboxes = new Map<string, Sandbox>();
  /** By their root. Those that were removed stay for the witness. */
  readonly disks = new Map<string, Disk>();
  readonly gateways = new Map<ServerId, Gateway>();
  /** Who listens at which path on the disks of the machines. */
  readonly sockets = new Map<string, OpenDoor>();
  /** By the path of their file. */
  readonly audits = new Map<string, { records: AuditRecord[]; followers: Set<() => void> }>();
  /** By server and run. */
  readonly kept = new Map<string, Kept>();
  readonly remote: Remote = emptyRemote();
  readonly conversations = new Map<string, number>();
  /** What set-ups left, by the folder in which it is kept. */
  readonly setups = new Set<string>();
  readonly violations: string[] = [];
  readonly history: string[] = [];
  /** Each host with its run that a door has let through. */
  readonly letThrough = new Set<string>();
  /** Of everything that happened, so that two histories can be compared. */
  checksum = 0;
  readonly #tellsAll: boolean;

  private constructor(options: {
    random: Random;
    time: VirtualTime;
    store: Store;
    ids: Ids;
    limits: Ledger["limits"];
    tellsAll: boolean;
  }) {
    this.random = options.random;
    this.time = options.time;
    this.store = options.store;
    this.ids = options.ids;
    this.#tellsAll = options.tellsAll;
    this.ledger = new Ledger(options.limits, (what) => this.violate(what));
  }

  static async open(seed: number, options: { tellsAll: boolean }): Promise<World> {
    const random = new Random(seed);
    const time = new VirtualTime(random);
    const now = (): Date => new Date(EPOCH_MS + time.now);
    const ids = createIds(now, (size) => random.bytes(size));
    const store = await openSqliteStore({ path: ":memory:", now, ids });
    const limits = {
      runs: random.between(1, 3),
      perRepository: random.pick([null, null, 1, 2]),
      perTask: random.pick([null, null, 1, 2]),
    };
    return new World({ random, time, store, ids, limits, ...options });
  }

  at(): string {
    return new Date(EPOCH_MS + this.time.now).toISOString();
  }

  log(line: string): void {
    const told = `${(this.time.now / 1000).toFixed(3)} ${line}`;
    this.history.push(told);
    this.#sum(told);
  }

  /** For what is too much to be read, except for one who wants to. */
  trace(line: string): void {
    if (this.#tellsAll) this.log(`  ${line}`);
    else this.#sum(`${this.time.now}${line}`);
  }

  violate(what: string): void {
    this.log(`VIOLATION ${what}`);
    this.violations.push(what);
  }

  gatewayOf(server: ServerId): Gateway {
    const gateway = this.gateways.get(server) ?? new Gateway(server, this);
    this.gateways.set(server, gateway);
    return gateway;
  }

  auditOf(path: string): { records: AuditRecord[]; followers: Set<() => void> } {
    const known = this.audits.get(path) ?? { records: [], followers: new Set() };
    this.audits.set(path, known);
    return known;
  }

  #sum(text: string): void {
    for (let index = 0; index < text.length; index++) this.checksum = (Math.imul(this.checksum, 31) + text.charCodeAt(index)) | 0;
  }
}
