import { setTimeout as delay } from "node:timers/promises";
import type { Client, Server } from "../src/server.ts";
import type { ServerLife } from "./life.ts";
import type { Random } from "./random.ts";

// A call that a server took and died with is not answered by anybody.
const ANSWERED_WITHIN_MS = 5_000;
const ASKED_AGAIN_MS = 100;
const PATIENCE_MS = 180_000;

/** One server or several on one database, as those see them who need one of them. */
export interface Servers extends AsyncDisposable {
  readonly lives: readonly ServerLife[];
  /** One of those that are up, by the seed; null: none is. One that is frozen counts: nobody can know. */
  any(): Server | null;
  /** The server with this number, or another one while that is down. */
  near(number: number): Server | null;
  /** Asks one that is up, and again, mostly another one, until it is answered. */
  ask<Result>(question: (client: Client, signal: AbortSignal) => Promise<Result>): Promise<Result>;
  /** Since when there was a server all the time, by `performance.now()`; null: there is none. */
  upSince(): number | null;
}

/** The servers of a trial; disposing of it stops each of them. */
export const joinServers = (lives: readonly ServerLife[], random: Random): Servers => {
  const up = (): Server[] => lives.flatMap((life) => life.server() ?? []);
  const any = (): Server | null => {
    const servers = up();
    return servers.length === 0 ? null : random.pick(servers);
  };
  let closed = false;
  return {
    lives,
    any,
    near: (number) => lives[number % lives.length]?.server() ?? any(),
    ask: async (question) => {
      const giveUpAt = performance.now() + PATIENCE_MS;
      for (;;) {
        try {
          const server = any();
          if (server === null) throw new Error("no server is up");
          return await question(server.client, AbortSignal.timeout(ANSWERED_WITHIN_MS));
        } catch (error) {
          if (performance.now() > giveUpAt || closed || lives.some((life) => life.isHopeless())) throw error;
          await delay(ASKED_AGAIN_MS);
        }
      }
    },
    upSince: () => {
      const times = lives.flatMap((life) => life.upSince() ?? []);
      return times.length === 0 ? null : Math.min(...times);
    },
    [Symbol.asyncDispose]: async () => {
      closed = true;
      await Promise.all(lives.map((life) => life[Symbol.asyncDispose]()));
    },
  };
};
