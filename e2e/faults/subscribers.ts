import { setTimeout as delay } from "node:timers/promises";
import { isFinal, type Message, type Run } from "@ccr/protocol";
import { subscribe } from "../src/server.ts";
import type { Random } from "./random.ts";
import type { Servers } from "./servers.ts";

const AGAIN_MS = 100;

/** Somebody who watches a run live and comes back after each cut with the number of the last message seen. */
export interface Watcher {
  readonly name: string;
  /** In the order in which they were shown. */
  readonly seen: readonly Message[];
  /** How often the connection was cut or left. */
  readonly cuts: () => number;
  /** Ends when the run's end was shown, or with the signal. */
  readonly done: Promise<void>;
}

const showsEnd = ({ source, body }: Message): boolean => source === "runner" && body.type === "status" && isFinal(body.status);

/**
 * Watches a run until its end was shown. `hangUp` leaves after a few messages each time, as a bad line would. `home`: the number of the
 * server to watch on as long as that one is up; null: any, another one each time.
 */
export const watchLive = (
  servers: Servers,
  id: Run["id"],
  options: { name: string; home: number | null; hangUp: Random | null; signal: AbortSignal },
): Watcher => {
  const { name, home, hangUp, signal } = options;
  const seen: Message[] = [];
  let cuts = 0;
  const watchOnce = async (): Promise<void> => {
    const server = home === null ? servers.any() : servers.near(home);
    if (server === null) return;
    const leaveAfter = hangUp === null ? Number.POSITIVE_INFINITY : Math.ceil(hangUp.between(1, 60));
    let count = 0;
    for await (const message of subscribe(server, id, seen.at(-1)?.seq ?? null)) {
      seen.push(message);
      if (showsEnd(message) || ++count >= leaveAfter || signal.aborted) return;
    }
  };
  const done = (async () => {
    while (!signal.aborted) {
      // A cut is what this is about; what was missed is judged by what was seen in the end.
      await watchOnce().catch(() => {});
      const last = seen.at(-1);
      if (last !== undefined && showsEnd(last)) return;
      cuts++;
      await delay(AGAIN_MS, undefined, { signal }).catch(() => {});
    }
  })();
  return { name, seen, cuts: () => cuts, done };
};
