import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

export interface Patience {
  /** The pause before the second try; each one after it is twice as long. */
  firstMs: number;
  mostMs: number;
  /** How long it is tried. */
  limitMs: number;
}

/**
 * A gateway that is started again is back within seconds, one whose machine is, within minutes. What waits longer is given back to the
 * client, which tries again by itself; so nothing hangs for ever on a gateway that is gone for good.
 *
 * The limit is below the time that Claude Code 2.1.330 gives a request (`API_TIMEOUT_MS`: 600,000 when left out), with as much for the model
 * behind. A request whose connection is reset or broken is tried again ten times (`CLAUDE_CODE_MAX_RETRIES`; it takes 15 at most), with
 * pauses that grow to half a minute, so that an outage of about 55 minutes is got over. The number is left at that because errors that
 * the model answers with count to it too, and a model that only ever fails has to end the execution. Tried out: both variables, and answers
 * that are broken off; `CLAUDE_STREAM_FIRST_BYTE_TIMEOUT_MS` does nothing behind an `ANTHROPIC_BASE_URL` of one's own.
 */
export const GATEWAY_PATIENCE: Patience = { firstMs: 100, mostMs: 1_000, limitMs: 300_000 };

// Nobody listens there, the file is not there, or more wait to be accepted than fit: each passes when a server starts, or catches up.
const PASSING = new Set(["ENOENT", "ECONNREFUSED", "EAGAIN"]);

const tryOnce = (path: string): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ path, allowHalfOpen: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(socket);
    });
  });

const isPassing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && typeof error.code === "string" && PASSING.has(error.code);

/**
 * Connects to a unix socket, and tries again while nobody listens on it. `onWait` is called once, when the first try has failed. Rejects
 * with the last error when the time is up, at once with any other error, and when `signal` is aborted.
 */
export const dial = async (
  path: string,
  { patience, onWait, signal }: { patience: Patience; onWait: () => void; signal: AbortSignal },
): Promise<Socket> => {
  const begin = performance.now();
  let pauseMs = patience.firstMs;
  for (let tries = 1; ; tries += 1) {
    try {
      const socket = await tryOnce(path);
      if (!signal.aborted) return socket;
      socket.destroy();
    } catch (error) {
      const leftMs = patience.limitMs - (performance.now() - begin);
      if (!isPassing(error) || leftMs <= 0) throw error;
      if (tries === 1) onWait();
      await delay(Math.min(pauseMs, leftMs), undefined, { signal });
      pauseMs = Math.min(pauseMs * 2, patience.mostMs);
    }
    signal.throwIfAborted();
  }
};
