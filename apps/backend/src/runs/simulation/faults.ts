import type { Mood } from "./moods.ts";
import type { Trap } from "./process.ts";
import type { Sandbox } from "./sandbox.ts";
import type { Server } from "./server.ts";
import type { World } from "./world.ts";

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

/** Lays out all that goes wrong until then. */
export const planFaults = (
  world: World,
  { mood, servers, untilMs }: { mood: Mood; servers: readonly Server[]; untilMs: number },
): void => {
  const { random, time } = world;
  const times = (most: number, plan: () => void): void => {
    for (let count = random.between(0, most); count > 0; count--) plan();
  };
  for (const server of servers) {
    times(mood.servers, () => planServerFault(world, server, untilMs));
    times(mood.stops, () => planStop(world, server, untilMs));
    times(mood.cutOffs, () => planCutOff(world, server, untilMs));
    times(mood.gateways, () => planGatewayFault(world, server, untilMs));
  }
  times(mood.absences, () => planAbsence(world, servers, untilMs));
  times(mood.sandboxes * 2, () => time.after(random.between(0, untilMs), () => hitSandbox(world)));
  times(mood.duels, () => planDuel(world, servers, untilMs));
  times(mood.store, () => planOutage(world, servers, untilMs));
  times(mood.engine, () => planEngineAway(world, untilMs));
  planWeather(world, mood);
};

// So seldom nobody starts a server again that was stopped: its runs are then left for a quarter of an hour.
const STAYS_STOPPED = 0.04;

/** As for a new version, or a restart of its machine: at any moment, or in the middle of something. */
const planStop = (world: World, server: Server, untilMs: number): void => {
  const { random, time } = world;
  const backAfterMs = random.between(1000, random.pick([10_000, 120_000]));
  const comesBack = !random.chance(STAYS_STOPPED);
  const stop = (): void => {
    server.close();
    if (comesBack) time.after(backAfterMs, () => server.start());
  };
  const at = random.between(0, untilMs);
  if (random.chance(0.6)) time.after(at, stop);
  else time.after(at / 3, () => server.process.traps.push(makeTrap(world, stop)));
};

const makeTrap = ({ random }: World, spring: () => void): Trap => ({
  op: random.chance(0.3) ? random.pick(COMMITS) : random.pick(OPS),
  when: random.pick(["before", "after"]),
  count: random.pick([1, 1, 1, 2, 3, 5, 20, random.between(1, 30)]),
  spring,
});

const planAbsence = (world: World, servers: readonly Server[], untilMs: number): void => {
  const { random, time } = world;
  const at = random.between(4000, 30_000);
  // Whoever asks how long an executor has been there hears of the last one alone.
  if (random.chance(0.4))
    time.after(at - random.between(1000, 4000), () => {
      for (const sandbox of world.sandboxes.values()) if (sandbox.agent !== null) killSandbox(world, sandbox, { exitCode: 137 });
    });
  const forMs = random.between(1000, random.pick([30_000, untilMs - at]));
  for (const server of servers) {
    const isOrderly = random.chance(0.3);
    time.after(at + random.between(0, 200), () => {
      if (isOrderly) server.close();
      else server.kill();
    });
    time.after(at + forMs + random.between(0, 2000), () => server.start());
  }
};

/** At any moment, or between the database's storing something and its answer: who is then to end does not know what is stored. */
const planCutOff = (world: World, server: Server, untilMs: number): void => {
  const { random, time } = world;
  const forMs = random.pick([3000, 40_000, 90_000]) * (0.3 + random.next());
  const endsMeanwhile = random.chance(0.3);
  const cutOff = (): void => {
    server.cutOff();
    if (endsMeanwhile) time.after(random.between(0, 3000), () => server.close());
    time.after(forMs, () => {
      server.rejoin();
      if (endsMeanwhile) time.after(random.between(0, 30_000), () => server.start());
    });
  };
  const at = random.between(0, untilMs);
  if (random.chance(0.5)) time.after(at, cutOff);
  else
    time.after(at / 3, () => server.process.traps.push({ ...makeTrap(world, cutOff), op: random.pick(COMMITS), when: "after" }));
};

/** What a server is about to ask its gateway, or has just asked it, when that dies. */
const AT_THE_GATEWAY = [
  "queue.claimNext",
  "queue.takeOver",
  "places.make",
  "doors.open",
  "doors.close",
  "doors.list",
  "driver.create",
  "driver.destroy",
] as const;

const planGatewayFault = (world: World, server: Server, untilMs: number): void => {
  const { random, time } = world;
  const forMs = random.chance(0.4) ? random.between(200, 5000) : random.between(10_000, 60_000);
  const goAway = (): void => world.gatewayOf(server.id).goAway(forMs);
  const at = random.between(0, untilMs);
  if (random.chance(0.4)) time.after(at, goAway);
  else {
    const trap = { ...makeTrap(world, goAway), op: random.pick(AT_THE_GATEWAY), count: random.pick([1, 1, 2, 3]) };
    time.after(at / 3, () => server.process.traps.push(trap));
  }
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
      server.process.clockOffsetMs += random.between(-5, 5) * 3_600_000;
    });
  } else {
    const trap = makeTrap(world, random.chance(0.65) ? kill : freeze);
    time.after(at / 3, () => server.process.traps.push(trap));
  }
};

/** Where a server that makes a sandbox again does what no fencing number guards, or is about to. */
const IN_A_REVIVAL = ["queue.renew", "driver.destroy", "driver.destroy", "driver.create", "instances.saveHandle"] as const;

const planDuel = (world: World, servers: readonly Server[], untilMs: number): void => {
  const { random, time, ledger } = world;
  const trap: Pick<Trap, "op" | "when"> = { op: random.pick(IN_A_REVIVAL), when: random.pick(["before", "after"]) };
  const isClose = random.chance(0.5);
  const begin = (): void => {
    const going = [...world.sandboxes.values()].filter(({ isUp, instanceId }) => isUp && ledger.isCurrent(instanceId));
    const sandbox = going[random.between(0, going.length - 1)];
    const holder = sandbox === undefined ? null : ledger.runOf(sandbox.instanceId)?.holder;
    const server = servers.find(({ answers, process }) => answers && process === holder);
    if (sandbox === undefined || server === undefined) {
      if (time.now < untilMs) time.after(1000, begin);
      return;
    }
    const freeze = (): void => {
      server.freeze();
      // Whoever takes over does so within a lease: the one who was frozen comes back at that moment, or some time after it.
      const thaw = (): void => void time.after(random.between(0, 2000), () => server.thaw());
      if (isClose)
        for (const { process } of servers) process.traps.push({ op: "queue.takeOver", when: "after", count: 1, spring: thaw });
      time.after(random.between(25_000, 60_000), () => server.thaw());
    };
    server.process.traps.push({ ...trap, count: 1, spring: freeze });
    killSandbox(world, sandbox, { exitCode: 137 });
  };
  time.after(random.between(0, untilMs), begin);
};

const killSandbox = (world: World, sandbox: Sandbox, how: { exitCode: number } | "gone"): void => {
  world.ledger.hit(sandbox.instanceId, "deaths");
  world.log(`${sandbox.instanceId} is killed`);
  sandbox.end(how);
};

const hitSandbox = (world: World): void => {
  const { random, ledger } = world;
  const up = [...world.sandboxes.values()].filter(({ isUp }) => isUp);
  const sandbox = up[random.between(0, up.length - 1)];
  if (sandbox === undefined) return;
  const { instanceId } = sandbox;
  const kind = random.next();
  if (kind < 0.3) killSandbox(world, sandbox, random.chance(0.2) ? "gone" : { exitCode: 137 });
  else if (kind < 0.6) {
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

/** The database is away, for some time that may be longer than a lease. Who sleeps meanwhile does not see that nobody could renew one. */
const planOutage = (world: World, servers: readonly Server[], untilMs: number): void => {
  const { random, time, weather } = world;
  const at = random.between(0, untilMs);
  const forMs = random.chance(0.5) ? random.between(100, 2000) : random.between(5000, 70_000);
  time.after(at, () => {
    world.log("the database is away");
    weather.storeAbsences++;
  });
  time.after(at + forMs, () => {
    if (--weather.storeAbsences === 0) world.log("the database is back");
  });
  const sleeper = random.chance(0.3) ? servers[random.between(0, servers.length - 1)] : undefined;
  time.after(at - random.between(0, 1000), () => sleeper?.freeze());
  time.after(at + forMs + random.between(-500, 2500), () => sleeper?.thaw());
};

/** The engine of a machine is away, with or without the sandboxes that it made. */
const planEngineAway = (world: World, untilMs: number): void => {
  const { random, time, weather } = world;
  const machine = random.pick(["m0", "m1"]);
  const isDeadly = random.chance(0.5);
  const at = random.between(0, untilMs);
  time.after(at, () => {
    world.log(`the engine of ${machine} is away`);
    weather.enginesAway.add(machine);
    for (const sandbox of world.sandboxes.values()) {
      if (sandbox.machine !== machine) continue;
      world.ledger.hit(sandbox.instanceId, "engine");
      if (isDeadly) killSandbox(world, sandbox, { exitCode: 137 });
    }
  });
  time.after(at + random.between(100, random.pick([2000, 20_000])), () => {
    world.log(`the engine of ${machine} is back`);
    weather.enginesAway.delete(machine);
  });
};

/** What may happen to anything that is asked, as long as it lasts. */
const planWeather = ({ random, weather }: World, mood: Mood): void => {
  if (mood.store > 0) {
    weather.storeRefuses = random.pick([0, 0.01, 0.05]);
    weather.storeForgetsToAnswer = random.pick([0, 0.01, 0.05]);
  }
  if (mood.cuts > 0) {
    weather.executorRefuses = random.pick([0, 0.01, 0.03]);
    weather.executorForgetsToAnswer = random.pick([0, 0.01, 0.03]);
  }
};
