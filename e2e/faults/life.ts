import { setTimeout as delay } from "node:timers/promises";
import { type Server, type ServerOptions, startServer } from "../src/server.ts";

const STARTS = 20;
// As long as whoever keeps a service up waits before it tries again.
const START_AGAIN_MS = 500;

/** A server that dies and is started again, as whoever does that to it sees it. */
export interface ServerLife extends AsyncDisposable {
  readonly dataDir: string;
  /** The server that is up, or null. */
  server(): Server | null;
  /** When it was last started, by `performance.now()`; null while it is down. */
  upSince(): number | null;
  /** Counts up with every start. */
  generation(): number;
  /** Starts it, again and again when it dies on the way, unless nobody killed it: then it throws. */
  start(): Promise<void>;
  /** Waits until the process that was up is gone, however that came. */
  untilGone(): Promise<void>;
  /** Says that somebody is killing it: that it ends is no wonder. */
  killed(): void;
  /** Says that something else is killed or stopped: a start that ends with an error may be tried again. One that hangs may not. */
  disturbed(): void;
  /** How many starts ended with an error because of what was done to other parts. */
  failedStarts(): number;
  /** Whether it could not be started, though nothing was done to it. */
  isHopeless(): boolean;
  /** Deaths that nobody caused, a line each. */
  crashes(): readonly string[];
  /** All that every one of them has printed. */
  printed(): string;
}

export class CannotStartError extends Error {
  override readonly name = "CannotStartError";
}

/** Starts a server that may be killed at any moment. `isInNeed` tells that something is away now without which no start can succeed. */
export const startLife = async (options: ServerOptions, isInNeed: () => boolean = () => false): Promise<ServerLife> => {
  let current: Server | null = null;
  let upSince: number | null = null;
  let generation = 0;
  let kills = 0;
  let disturbances = 0;
  let failedStarts = 0;
  let closed = false;
  let isHopeless = false;
  const earlier: string[] = [];
  const crashes: string[] = [];

  const adopt = (server: Server): void => {
    current = server;
    upSince = performance.now();
    generation++;
    const killsBefore = kills;
    server.process.once("exit", (code, signal) => {
      if (kills === killsBefore && !closed) crashes.push(`the server ended by itself (${signal ?? `code ${code}`})`);
      if (current !== server) return;
      current = null;
      upSince = null;
      earlier.push(server.output());
    });
  };
  let starting: Promise<void> | null = null;
  const start = (): Promise<void> => {
    starting ??= startAnew().finally(() => {
      starting = null;
    });
    return starting;
  };
  const startAnew = async (): Promise<void> => {
    for (let left = STARTS; current === null && !closed; ) {
      const before = { kills, disturbances, inNeed: isInNeed() };
      try {
        adopt(await startServer(options));
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        earlier.push(why);
        const wasKilled = kills !== before.kills;
        const ended = why.startsWith("the server ended");
        const lacked = ended && (before.inNeed || isInNeed());
        const wasDisturbed = ended && disturbances !== before.disturbances;
        if (!wasKilled && (lacked || wasDisturbed)) failedStarts++;
        // What is away is back some time, and is no fault of this server's.
        if (lacked) {
          await delay(START_AGAIN_MS);
          continue;
        }
        if ((wasKilled || wasDisturbed) && --left > 0) continue;
        isHopeless = true;
        throw new CannotStartError(why, { cause: error });
      }
    }
  };
  const life: ServerLife = {
    dataDir: options.dataDir,
    server: () => current,
    upSince: () => upSince,
    generation: () => generation,
    start,
    untilGone: async () => {
      const { process: child } = current ?? {};
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      await new Promise((resolve) => child.once("exit", resolve));
    },
    killed: () => {
      kills++;
    },
    disturbed: () => {
      disturbances++;
    },
    failedStarts: () => failedStarts,
    isHopeless: () => isHopeless,
    crashes: () => crashes,
    printed: () => [...earlier, ...(current === null ? [] : [current.output()])].join("\n--- the server starts anew ---\n"),
    [Symbol.asyncDispose]: async () => {
      closed = true;
      await current?.stop();
    },
  };
  await start();
  return life;
};
