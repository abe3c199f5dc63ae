import { CcrError, type RunId, type ServerId } from "@ccr/protocol";
import { createNetwork } from "../allowed-hosts.ts";
import type { RunDeps } from "../deps.ts";
import { Dispatcher } from "../dispatcher.ts";
import { createInstances } from "../instances.ts";
import { createRuns } from "../runs.ts";
import { createTalk } from "../talk/talk.ts";
import type { Instances, Network, Runs, Talk } from "../types.ts";
import { connectOf } from "./connect.ts";
import { doorsOf } from "./doors.ts";
import { driverOf } from "./engine.ts";
import { outletOf } from "./outlet.ts";
import { Process } from "./process.ts";
import { setupOf } from "./set-up.ts";
import type { StoreHouse } from "./store-gate.ts";
import { mirrorsOf, placesOf, workOf } from "./surroundings.ts";
import { EPOCH_MS, type World } from "./world.ts";

type Up = { dispatcher: Dispatcher; runs: Runs; instances: Instances; talk: Talk; network: Network };

/** One server: a data folder on a machine, and one process after the other that holds it. */
export class Server {
  readonly id: ServerId;
  readonly machine: string;
  /** The process of now, or the last one. */
  process: Process;
  up: Up | null = null;
  readonly #world: World;
  readonly #house: StoreHouse;
  #starts = 0;

  constructor(id: ServerId, options: { machine: string; world: World; house: StoreHouse }) {
    this.id = id;
    this.machine = options.machine;
    this.#world = options.world;
    this.#house = options.house;
    this.process = this.#begin();
  }

  get isAlive(): boolean {
    return this.process.state !== "dead";
  }

  /** Whether somebody could ask it something. */
  get answers(): boolean {
    return this.process.state === "alive" && this.up !== null;
  }

  drives(process: Process, id: RunId): boolean {
    return process === this.process && this.up?.dispatcher.drives(id) === true;
  }

  /** SIGKILL. */
  kill(): void {
    if (!this.isAlive) return;
    this.#world.log(`${this.process.name} is killed`);
    this.process.kill();
    this.up = null;
  }

  /** SIGSTOP. */
  freeze(): void {
    if (this.process.state !== "alive") return;
    this.#world.log(`${this.process.name} is frozen`);
    this.process.freeze();
  }

  /** SIGCONT. */
  thaw(): void {
    if (this.process.state !== "frozen") return;
    this.#world.log(`${this.process.name} goes on`);
    this.process.thaw();
  }

  /** The database is out of its reach, and of no other server's. */
  cutOff(): void {
    this.#world.log(`${this.id} is cut off from the database`);
    this.#world.weather.cutOff.add(this.id);
    this.process.isCutOff = true;
  }

  rejoin(): void {
    if (!this.process.isCutOff) return;
    this.#world.log(`${this.id} reaches the database again`);
    this.#world.weather.cutOff.delete(this.id);
    this.process.isCutOff = false;
  }

  /** SIGTERM: it leaves its runs in order, and ends. */
  close(): void {
    const { process, up } = this;
    if (process.state !== "alive" || up === null) return;
    this.#world.log(`${process.name} is to end`);
    this.up = null;
    process.letIn(() => {
      up.dispatcher[Symbol.asyncDispose]().then(
        () => {
          this.#world.log(`${process.name} has ended`);
          process.kill();
        },
        (error: unknown) => this.#world.violate(`${process.name} could not end: ${String(error)}`),
      );
    });
  }

  /** The next process takes the data folder, as soon as the last one has left it. */
  start(): void {
    if (this.answers) return;
    if (this.isAlive) this.#world.time.after(500, () => this.start());
    else this.process = this.#begin();
  }

  #begin(): Process {
    const world = this.#world;
    this.#starts++;
    const { time, random } = world;
    const name = `${this.id.slice(-1)}${this.#starts}`;
    const { id, machine } = this;
    const process = new Process({ name, server: id, machine }, { time, random, trace: (line) => world.trace(line) });
    process.isCutOff = world.weather.cutOff.has(id);
    world.ledger.started(process);
    world.log(`${name} starts on ${machine}`);
    time.after(random.between(0, 200), () => process.letIn(() => this.#serve(process)));
    return process;
  }

  #serve(process: Process): void {
    const deps = this.#deps(process);
    const dispatcher = new Dispatcher(deps);
    const runs = createRuns(deps, dispatcher);
    process.hasBegun = true;
    process.ableSince = this.#world.time.now;
    const results = { followUp: () => Promise.reject(new CcrError("conflict", "It has ended.")) };
    const talk = createTalk(deps, { runs, results });
    const instances = createInstances(deps, dispatcher, { runs, meters: new Map() });
    const network = createNetwork(deps, { runs });
    this.up = { dispatcher, runs, instances, talk, network };
  }

  #deps(process: Process): RunDeps {
    const world = this.#world;
    const clock = process.clock(EPOCH_MS);
    const host = { process, server: this.id, machine: this.machine, clock };
    const driver = driverOf(world, host);
    return {
      server: this.id,
      machine: this.machine,
      store: this.#house.gate(process),
      mirrors: mirrorsOf(world, host),
      work: workOf(world, host),
      outlet: outletOf(world, host),
      reviews: { look: async () => null },
      doors: doorsOf(world, host),
      driver,
      drivers: [driver],
      images: null,
      setup: setupOf(world, host),
      places: placesOf(world, host),
      connect: connectOf(world, host),
      allowedHosts: [],
      limits: world.ledger.limits,
      roomForRun: async () => ({ enough: true }),
      newInstanceId: () => world.ids.instance(),
      log: (level, text, fields) => {
        if (level !== "info") world.trace(`${process.name} ${level}: ${text} ${JSON.stringify(fields ?? {})}`);
      },
      metrics: {
        started: () => {},
        ended: () => {},
        relayed: () => {},
        leaseLost: () => {},
        takenOver: () => {},
        resumed: () => {},
        spool: () => {},
      },
      clock,
    };
  }
}
