import { CcrError, CreateEnvironmentInput, CreateRunInput, type RunId, ServerId } from "@ccr/protocol";
import { BESIDE } from "./disk.ts";
import { planFaults } from "./faults.ts";
import { CALM, MOODS } from "./moods.ts";
import { makeScript, saidText, taskOf } from "./script.ts";
import { Server } from "./server.ts";
import { StoreHouse } from "./store-gate.ts";
import { calm, type World } from "./world.ts";

export type Plan = { servers: Server[]; untilMs: number /** Whether nothing goes wrong at all. */; isCalm: boolean };

/** Lays out, by chance, what will happen: the servers and their ends, the runs and the wishes of people, and all that goes wrong. */
export const makePlan = async (world: World): Promise<Plan> => {
  const { random, time } = world;
  const house = new StoreHouse(world);
  const mood = random.pick(MOODS);
  const untilMs =
    mood.absences > 0 ? random.between(60_000, 180_000) : random.between(10_000, mood.gateways > 1 ? 120_000 : 90_000);
  const isOneMachine = random.chance(mood.duels > 0 ? 0.8 : 0.4);
  const servers = Array.from(
    { length: random.pick([mood.duels > 0 ? 2 : 1, 2, 2, 3]) },
    (_, index) =>
      new Server(ServerId.parse(`srv_000000000${"abc"[index]}`), {
        machine: isOneMachine ? "m0" : `m${index % 2}`,
        world,
        house,
      }),
  );
  world.log(`mood ${JSON.stringify(mood)}, until ${untilMs / 1000} s, limits ${JSON.stringify(world.ledger.limits)}`);
  const runs =
    mood.absences > 0
      ? { latestMs: 15_000, limited: 0.8, long: 0.7 }
      : { latestMs: Math.min(untilMs / 2, 45_000), limited: 0.1, long: 0 };
  await planRuns(world, servers, runs);
  planFaults(world, { mood, servers, untilMs });
  time.after(untilMs, () => calmDown(world, servers));
  return { servers, untilMs, isCalm: mood === CALM };
};

/** `limited` of the runs have a limit of time that they may come to, and `long` of the tasks take a minute or more. */
const planRuns = async (
  world: World,
  servers: readonly Server[],
  { latestMs, limited, long }: { latestMs: number; limited: number; long: number },
): Promise<void> => {
  const { random, time, store, scripts } = world;
  const tasks = [];
  for (let index = random.between(1, 2); index > 0; index--) {
    const script = makeScript(random, `t${index}`, { isLong: random.chance(long) });
    scripts.push(script);
    tasks.push(await store.tasks.create(taskOf(script)));
  }
  const environment = await world.store.environments.create(
    CreateEnvironmentInput.parse({ name: "set up", setup: { script: "install" } }),
  );
  const ids: RunId[] = [];
  for (let index = random.between(1, 4); index > 0; index--) {
    const task = random.chance(0.5) ? tasks[0] : tasks.at(-1);
    if (task === undefined) continue;
    const input = CreateRunInput.parse({
      taskId: task.id,
      repository: random.pick(["octo/one", "octo/two"]),
      priority: random.between(-1, 1),
      idempotencyKey: `k${index}`,
      ...(random.chance(0.3) ? { additionalRepositories: [BESIDE] } : {}),
      ...(random.chance(0.3) ? { environmentId: environment.id } : {}),
      limits: {
        answerSeconds: 10,
        ...(random.chance(limited) ? { timeSeconds: random.between(10, random.pick([20, 60])) } : {}),
      },
    });
    // A person whose request is not answered asks again, of whichever server answers.
    const ask = (): void => {
      const server = servers.find(({ answers }) => answers);
      let isAnswered = false;
      server?.up?.runs.create(input).then(
        ({ id }) => {
          isAnswered = true;
          if (ids.includes(id)) return;
          ids.push(id);
          if (random.chance(0.3)) talk(world, servers, { id, name: task.name });
          if (random.chance(0.3)) allow(world, servers, id);
          if (random.chance(0.25))
            time.after(random.pick([10, 1000, 10_000, 40_000]) * random.next(), () => cancel(world, servers, id));
        },
        () => {},
      );
      time.after(2000, () => {
        if (!isAnswered) ask();
      });
    };
    time.after(random.between(500, latestMs), ask);
  }
};

/** A person says something to a run now and then, and interrupts it; what is not answered is asked again, of whichever server answers. */
const talk = (world: World, servers: readonly Server[], { id, name }: { id: RunId; name: string }): void => {
  const { random, time } = world;
  const words = random.between(1, 3);
  for (let word = 0; word < words; word++) {
    const idempotencyKey = `word ${word}`;
    const now = random.chance(0.4);
    const isWordless = random.chance(0.15);
    const ask = (tries: number): void => {
      const up = servers.find(({ answers }) => answers)?.up;
      let isAnswered = false;
      const asked: Promise<unknown> | undefined = isWordless
        ? up?.talk.interrupt(id)
        : up?.talk.say({ id, text: saidText(`${name}-w${word}`), now, idempotencyKey });
      const answered = (): void => {
        isAnswered = true;
      };
      asked?.then(answered, (error: unknown) => {
        if (error instanceof CcrError && error.code === "conflict") answered();
      });
      time.after(2000, () => {
        if (!isAnswered && tries < 20) ask(tries + 1);
      });
    };
    time.after(random.pick([10, 1000, 10_000, 40_000]) * random.next(), () => ask(0));
  }
};

/** A person lets a run reach something now and then; what is not answered is asked again, of whichever server answers. */
const allow = (world: World, servers: readonly Server[], id: RunId): void => {
  const { random, time } = world;
  for (const host of ["a.test", "b.test", "c.test"].slice(0, random.between(1, 3))) {
    const ask = (tries: number): void => {
      let isAnswered = false;
      const answered = (): void => {
        isAnswered = true;
      };
      // Mostly not the one that drives it.
      const up = servers.findLast(({ answers }) => answers)?.up;
      up?.network.allowHost({ id, host, port: 443 }).then(answered, (error: unknown) => {
        if (error instanceof CcrError && error.code === "conflict") answered();
      });
      time.after(2000, () => {
        if (!isAnswered && tries < 20) ask(tries + 1);
      });
    };
    time.after(random.pick([10, 1000, 10_000, 40_000]) * random.next(), () => ask(0));
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

/** From here on nothing goes wrong any more, and one server at least is there. */
const calmDown = (world: World, servers: readonly Server[]): void => {
  world.log("all is well from here on");
  world.weather = calm();
  for (const sandbox of world.sandboxes.values()) sandbox.thaw();
  for (const server of servers) {
    server.process.traps = [];
    server.thaw();
    server.rejoin();
    world.gatewayOf(server.id).canStart();
  }
  const keepOneUp = (): void => {
    if (servers.every(({ isAlive }) => !isAlive)) servers[0]?.start();
    world.time.after(5000, keepOneUp);
  };
  keepOneUp();
};
