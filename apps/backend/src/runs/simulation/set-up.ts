import { createTurns } from "../../environments/turns.ts";
import type { SetupDeps } from "../deps.ts";
import type { Host } from "./engine.ts";
import type { World } from "./world.ts";

const MADE_AT = "2026-01-15T12:00:00.000Z";

/** What set-ups left on a server, and what they are made from. */
export const setupOf = (world: World, { process, server, machine }: Host): SetupDeps => {
  // As in the data folder of a server: see `setupsFolder`.
  const folder = `/${machine}/${server}/environments/cache`;
  return {
    kept: {
      folder,
      oneAtATime: createTurns(),
      take: (key, elsewhere) =>
        process.call("setups.take", () => {
          const path = `${elsewhere ?? folder}/${key}`;
          return world.setups.has(path) ? { path, madeAt: MADE_AT, [Symbol.dispose]: () => {} } : null;
        }),
      keep: (key, { workspace }, signal) =>
        process.call(
          "setups.keep",
          () => {
            const disk = world.disks.get(workspace.replace(/\/workspace$/, ""));
            const living = [...world.sandboxes.values()].find((sandbox) => sandbox.disk === disk && sandbox.isUp);
            if (living !== undefined && !living.isStray)
              world.violate(`${process.name} keeps what the living ${living.instanceId} can still change`);
            if (disk?.isSetUp !== true) world.violate(`${process.name} keeps what was not set up to its end`);
            world.log(`${process.name} keeps what a set-up left`);
            world.setups.add(`${folder}/${key}`);
          },
          { signal },
        ),
      list: async () => [],
      remove: async () => false,
    },
    secrets: { read: async () => ({}), digest: async () => "" },
    packageHosts: async () => [],
    devcontainers: null,
    archiveOf: () => {
      throw new Error("nothing is built here");
    },
    platform: "simulated",
    filesOf: (_mirrorPath, _commit, signal) => process.call("setups.filesOf", () => [], { signal }),
  };
};
