import { type RunId, ServerId } from "@ccr/protocol";
import type { Trap } from "./process.ts";
import { makeScript, taskOf } from "./script.ts";
import { Server } from "./server.ts";
import { StoreHouse } from "./store-gate.ts";
import { calm, type World } from "./world.ts";

/** Everything that a server may be in the middle of. */
const OPS = [
  "queue.claimNext",
  "queue.takeOver",
  "queue.renew",
  "queue.release",
  "runs.patch",
  "runs.advance",
  "runs.find",
  "runs.saveDiff",
  "instances.create",
  "instances.saveHandle",
  "instances.setStatus",
  "instances.setServer",
  "instances.listRecords",
  "transcript.append",
  "transcript.appendSpooled",
  "transcript.spoolPosition",
  "driver.create",
  "driver.destroy",
  "driver.inspect",
  "driver.list",
  "executor.health",
  "executor.gitClone",
  "executor.execute",
  "executor.check",
  "executor.interrupt",
  "executor.follow",
  "executor.snapshot",
  "executor.diff",
  "executor.bundle",
  "work.keep",
  "places.make",
  "places.remove",
  "doors.open",
  "doors.close",
] as const;

/** What the state of a run is written with. */
const COMMITS = ["transcript.append", "transcript.appendSpooled", "runs.advance", "runs.patch"] as const;

/** How much goes wrong in a history. */
type Mood = { servers: number; sandboxes: number; store: number; engine: number; cuts: number };

const CALM: Mood = { servers: 0, sandboxes: 0, store: 0, engine: 0, cuts: 0 };

const MOODS: readonly [Mood, ...Mood[]] = [
  CALM,
  { servers: 5, sandboxes: 0, store: 0, engine: 0, cuts: 0 },
  { servers: 3, sandboxes: 0, store: 0, engine: 0, cuts: 0 },
  { servers: 4, sandboxes: 0, store: 2, engine: 0, cuts: 0 },
  { servers: 0, sandboxes: 3, store: 0, engine: 0, cuts: 0 },
  { servers: 2, sandboxes: 2, store: 1, engine: 1, cuts: 1 },
  { servers: 3, sandboxes: 3, store: 2, engine: 2, cuts: 2 },
];

export type Plan = { servers: Server[]; untilMs: number /** Whether nothing goes wrong at all. */; isCalm: boolean };

/** Lays out, by chance, what will happen: the servers and their ends, the runs and the wishes of people, and all that goes wrong. */
export const makePlan = async (world: World): Promise<Plan> => {
  const { random, time } = world;
  const house = new StoreHouse(world);
  const mood = random.pick(MOODS);
  const untilMs = random.between(10_000, 90_000);
  const isOneMachine = random.chance(0.5);
  const servers = Array.from(
    { length: random.pick([1, 2, 2, 3]) },
    (_, index) =>
      new Server(ServerId.parse(`srv_000000000${"abc"[index]}`), {
        machine: isOneMachine ? "m0" : `m${index % 2}`,
        world,
        house,
      }),
  );
  world.log(`mood ${JSON.stringify(mood)}, until ${untilMs / 1000} s, limits ${JSON.stringify(world.ledger.limits)}`);
  await planRuns(world, servers, untilMs);
  for (const server of servers)
    for (let count = random.between(0, mood.servers); count > 0; count--) planServerFault(world, server, untilMs);
  for (let count = random.between(0, mood.sandboxes * 2); count > 0; count--)
    time.after(random.between(0, untilMs), () => hitSandbox(world));
  planWeather(world, mood, untilMs);
  time.after(untilMs, () => calmDown(world, servers));
  return { servers, untilMs, isCalm: mood === CALM };
};

const planRuns = async (world: World, servers: readonly Server[], untilMs: number): Promise<void> => {
  const { random, time, store, scripts } = world;
  const tasks = [];
  for (let index = random.between(1, 2); index > 0; index--) {
    const script = makeScript(random, `t${index}`);
    scripts.push(script);
    tasks.push(await store.tasks.create(taskOf(script)));
  }
  const ids: RunId[] = [];
  for (let index = random.between(1, 4); index > 0; index--) {
    const task = random.chance(0.5) ? tasks[0] : tasks.at(-1);
    if (task === undefined) continue;
    const input = {
      taskId: task.id,
      repository: random.pick(["octo/one", "octo/two"]),
      priority: random.between(-1, 1),
      idempotencyKey: `k${index}`,
    };
    // A person whose request is not answered asks again, of whichever server answers.
    const ask = (): void => {
      const server = servers.find(({ answers }) => answers);
      let isAnswered = false;
      server?.up?.runs.create(input).then(
        ({ id }) => {
          isAnswered = true;
          if (ids.includes(id)) return;
          ids.push(id);
          if (random.chance(0.25))
            time.after(random.pick([10, 1000, 10_000, 40_000]) * random.next(), () => cancel(world, servers, id));
        },
        () => {},
      );
      time.after(2000, () => {
        if (!isAnswered) ask();
      });
    };
    time.after(random.between(500, untilMs / 2), ask);
  }
};

const cancel = (world: World, servers: readonly Server[], id: RunId): void => {
  const { random, time } = world;
  const answering = servers.filter(({ answers }) => answers);
  const server = answering[random.between(0, answering.length - 1)];
  const instance = [...world.ledger.instances].findLast(([, { runId }]) => runId === id)?.[0];
  world.log(`a person cancels ${id}`);
  let isAnswered = false;
  const asked: Promise<unknown> | undefined =
    instance !== undefined && random.chance(0.3) ? server?.up?.instances.remove(instance) : server?.up?.runs.cancel(id);
  asked?.then(
    () => {
      isAnswered = true;
    },
    () => {},
  );
  time.after(90_000, () => {
    if (!isAnswered && world.ledger.runs.get(id)?.wasCanceled === false) cancel(world, servers, id);
  });
};

const planServerFault = (world: World, server: Server, untilMs: number): void => {
  const { random, time } = world;
  const comesBack = (): void => {
    if (random.chance(0.85)) time.after(random.pick([100, 2000, 20_000, 60_000]) * random.next(), () => server.start());
  };
  const kill = (): void => {
    server.kill();
    comesBack();
  };
  const freeze = (): void => {
    server.freeze();
    time.after(random.pick([2000, 28_000, 45_000, 90_000]) * (0.5 + random.next()), () => server.thaw());
  };
  const at = random.between(0, untilMs);
  const kind = random.next();
  if (kind < 0.2) time.after(at, kill);
  else if (kind < 0.3) time.after(at, freeze);
  else if (kind < 0.4) {
    time.after(at, () => {
      server.close();
      comesBack();
    });
  } else if (kind < 0.5) {
    time.after(at, () => {
      server.process.clockOffsetMs += random.between(-5, 5) * 3_600_000;
    });
  } else {
    const spring = random.chance(0.65) ? kill : freeze;
    const trap: Trap = {
      op: random.chance(0.3) ? random.pick(COMMITS) : random.pick(OPS),
      when: random.pick(["before", "after"]),
      count: random.pick([1, 1, 1, 2, 3, 5, 20, random.between(1, 30)]),
      spring,
    };
    time.after(at / 3, () => server.process.traps.push(trap));
  }
};

const hitSandbox = (world: World): void => {
  const { random, ledger } = world;
  const up = [...world.sandboxes.values()].filter(({ isUp }) => isUp);
  const sandbox = up[random.between(0, up.length - 1)];
  if (sandbox === undefined) return;
  const { instanceId } = sandbox;
  const kind = random.next();
  if (kind < 0.3) {
    ledger.hit(instanceId, "deaths");
    world.log(`${instanceId} is killed`);
    sandbox.end(random.chance(0.2) ? "gone" : { exitCode: 137 });
  } else if (kind < 0.6) {
    const { agent } = sandbox;
    if (agent === null) return;
    ledger.hit(instanceId, "agentDeaths");
    world.log(`the agent of ${instanceId} is killed`);
    agent.end({ kind: "failed", code: "agent_exited", message: "It was killed." });
  } else if (kind < 0.85) {
    ledger.hit(instanceId, "cuts");
    world.log(`the connections of ${instanceId} are cut`);
    sandbox.cut();
  } else {
    ledger.hit(instanceId, "frozen");
    world.log(`${instanceId} is frozen`);
    sandbox.freeze();
    world.time.after(random.pick([3000, 20_000, 100_000]) * random.next(), () => sandbox.thaw());
  }
};

const planWeather = (world: World, mood: Mood, untilMs: number): void => {
  const { random, time, weather } = world;
  const spell = (begin: () => void, end: () => void, mostMs: number): void => {
    const at = random.between(0, untilMs);
    time.after(at, begin);
    time.after(at + random.between(100, mostMs), end);
  };
  for (let count = random.between(0, mood.store); count > 0; count--) {
    spell(
      () => {
        world.log("the database is away");
        weather.storeIsAway = true;
      },
      () => {
        world.log("the database is back");
        weather.storeIsAway = false;
      },
      random.pick([2000, 40_000]),
    );
  }
  if (mood.store > 0) {
    weather.storeRefuses = random.pick([0, 0.01, 0.05]);
    weather.storeForgetsToAnswer = random.pick([0, 0.01, 0.05]);
  }
  for (let count = random.between(0, mood.engine); count > 0; count--) {
    const machine = random.pick(["m0", "m1"]);
    const isDeadly = random.chance(0.5);
    spell(
      () => {
        world.log(`the engine of ${machine} is away`);
        weather.enginesAway.add(machine);
        for (const sandbox of world.sandboxes.values()) {
          if (sandbox.machine !== machine) continue;
          world.ledger.hit(sandbox.instanceId, "engine");
          if (!isDeadly) continue;
          world.ledger.hit(sandbox.instanceId, "deaths");
          sandbox.end({ exitCode: 137 });
        }
      },
      () => {
        world.log(`the engine of ${machine} is back`);
        weather.enginesAway.delete(machine);
      },
      random.pick([2000, 20_000]),
    );
  }
  if (mood.cuts > 0) {
    weather.executorRefuses = random.pick([0, 0.01, 0.03]);
    weather.executorForgetsToAnswer = random.pick([0, 0.01, 0.03]);
  }
};

/** From here on nothing goes wrong any more, and one server at least is there. */
const calmDown = (world: World, servers: readonly Server[]): void => {
  world.log("all is well from here on");
  world.weather = calm();
  for (const sandbox of world.sandboxes.values()) sandbox.thaw();
  for (const server of servers) {
    server.process.traps = [];
    server.thaw();
  }
  const keepOneUp = (): void => {
    if (servers.every(({ isAlive }) => !isAlive)) servers[0]?.start();
    world.time.after(5000, keepOneUp);
  };
  keepOneUp();
};
