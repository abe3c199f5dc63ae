import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { gatewayClient, gatewayMainPath } from "@ccr/gateway";
import type { AuditRecord, Door, RunId } from "@ccr/protocol";
import { growingPause, LONGEST_PAUSE_MS } from "./pause.ts";
import type { Doors } from "./types.ts";

const HEALTHY_WITHIN_MS = 15_000;
const LOOK_EVERY_MS = 25;
/** A gateway that lived this long did not die of how it was started. */
const STEADY_AFTER_MS = 2 * LONGEST_PAUSE_MS;
const END_WITHIN_MS = 5000;

export type GatewayProcessOptions = {
  controlSocket: string;
  /** The whole environment of the process, the model's credential included. */
  environment: Record<string, string>;
  log: (level: "info" | "warn" | "error", text: string) => void;
};

/** Waits, but no longer than the signal lets it. */
const sleep = (ms: number, signal: AbortSignal): Promise<void> => delay(ms, undefined, { signal }).catch(() => {});

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** A door that is to be open, and what ends the waiting for it. */
type Wanted = { door: Door; closed: AbortController };

/**
 * Starts the gateway as a process of its own, which alone holds the credentials of the model, and keeps it there: one that died
 * is started again, and every door that was open is opened again, each by itself. Resolves when it answers; throws when it does not.
 */
export const startGateway = async (options: GatewayProcessOptions): Promise<Doors & AsyncDisposable> => {
  const { controlSocket, environment, log } = options;
  const client = gatewayClient(controlSocket);
  const open = new Map<RunId, Wanted>();
  const closing = new AbortController();
  /** Whether it answered once: one that never did is not started again, since it would fail the same way. */
  let wasUp = false;
  const running: { child: ChildProcess | null } = { child: null };
  let said = "";
  const restartPause = growingPause();

  /** Starts the process; `ended` is aborted with it. */
  const start = (): { ended: AbortSignal } => {
    const startedAt = performance.now();
    const ended = new AbortController();
    const started = spawn(process.execPath, [gatewayMainPath], {
      env: { ...environment, GATEWAY_CONTROL: controlSocket, GATEWAY_OWNER: "stdin" },
      stdio: ["pipe", "pipe", "pipe"],
    });
    running.child = started;
    for (const stream of [started.stdout, started.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        said = (said + text).slice(-2000);
        // Until it is up, and when it is to end, its caller says what there is to say.
        if (!wasUp || closing.signal.aborted) return;
        for (const line of text.trimEnd().split("\n")) log("info", line);
      });
    }
    const onEnd = (how: string): void => {
      if (ended.signal.aborted) return;
      ended.abort();
      if (closing.signal.aborted || !wasUp) return;
      if (performance.now() - startedAt > STEADY_AFTER_MS) restartPause.reset();
      const pauseMs = restartPause.next();
      log("error", `the gateway ${how}; it is started again in ${pauseMs / 1000} s`);
      // Sandboxes retry their requests meanwhile.
      void restart(pauseMs);
    };
    // Without a process there is no exit to wait for.
    started.once("error", (error) => onEnd(`could not be started: ${error.message}`));
    started.once("exit", (code, signal) => onEnd(`ended (${signal ?? `code ${code}`})`));
    return { ended: ended.signal };
  };

  const restart = async (pauseMs: number): Promise<void> => {
    await sleep(pauseMs, closing.signal);
    if (closing.signal.aborted) return;
    try {
      const { ended } = start();
      await reopenAll(ended);
    } catch (error) {
      // Without memory, not even a process that fails can be made.
      log("error", `the gateway could not be started: ${reasonOf(error)}`);
      await restart(restartPause.next());
    }
  };

  const reopenAll = async (ended: AbortSignal): Promise<void> => {
    while (!ended.aborted && !closing.signal.aborted) {
      try {
        await untilHealthy(ended);
        await Promise.all([...open.keys()].map((runId) => reopen(runId, ended)));
        return;
      } catch (error) {
        if (!ended.aborted && !closing.signal.aborted) log("error", `doors could not be opened again: ${reasonOf(error)}`);
      }
    }
  };

  const untilHealthy = async (ended?: AbortSignal): Promise<void> => {
    const giveUpAt = performance.now() + HEALTHY_WITHIN_MS;
    for (;;) {
      try {
        await client.health();
        wasUp = true;
        return;
      } catch (error) {
        const child = running.child;
        const cannot = !wasUp && (child === null || child.exitCode !== null || child.signalCode !== null);
        if (performance.now() > giveUpAt || closing.signal.aborted || ended?.aborted === true || cannot)
          throw new Error(`the gateway does not answer${said === "" ? "" : `; it said: ${said.trim()}`}`, { cause: error });
        await sleep(LOOK_EVERY_MS, closing.signal);
      }
    }
  };

  /**
   * Opens a door again in a gateway that was started anew, until it is open, closed, or the gateway `ended`. The agent behind a door
   * can put something else in the place of its socket: that is the trouble of this door, and of no other.
   */
  const reopen = async (runId: RunId, ended: AbortSignal): Promise<void> => {
    const pause = growingPause();
    for (let tries = 1; ; tries++) {
      const wanted = open.get(runId);
      if (wanted === undefined || ended.aborted || closing.signal.aborted) return;
      try {
        await client.openDoor(wanted.door);
        // It may have been closed while it was opened.
        if (!open.has(runId)) await client.closeDoor(runId);
        return;
      } catch (error) {
        if (tries === 1 && !ended.aborted)
          log("warn", `the door of ${runId} is not open yet, and tried again: ${reasonOf(error)}`);
        await sleep(pause.next(), AbortSignal.any([ended, closing.signal, wanted.closed.signal]));
      }
    }
  };

  start();
  try {
    await untilHealthy();
  } catch (error) {
    closing.abort();
    running.child?.kill("SIGKILL");
    await client.close();
    throw error;
  }

  const dispose = async (): Promise<void> => {
    closing.abort();
    const last = running.child;
    if (last !== null && last.pid !== undefined && last.exitCode === null && last.signalCode === null) {
      const ended = new Promise((resolve) => last.once("exit", resolve));
      last.kill("SIGTERM");
      const kill = setTimeout(() => last.kill("SIGKILL"), END_WITHIN_MS);
      await ended;
      clearTimeout(kill);
    }
    await client.close();
  };

  return {
    async open(door) {
      open.set(door.runId, { door, closed: open.get(door.runId)?.closed ?? new AbortController() });
      await untilHealthy();
      await client.openDoor(door);
    },
    async close(runId) {
      const wanted = open.get(runId);
      if (wanted === undefined) return;
      open.delete(runId);
      wanted.closed.abort();
      await untilHealthy();
      await client.closeDoor(runId);
    },
    async *followAudit(runId, { after }, signal): AsyncGenerator<AuditRecord> {
      let last = after;
      const pause = growingPause();
      let isTold = false;
      const recovered = (): void => {
        pause.reset();
        isTold = false;
      };
      // A gateway that was replaced goes on counting where its predecessor stopped.
      for (;;) {
        const wanted = open.get(runId);
        if (wanted === undefined || signal.aborted || closing.signal.aborted) return;
        const startedAt = performance.now();
        try {
          for await (const record of client.followAudit(runId, { after: last }, signal)) {
            recovered();
            last = record.n;
            yield record;
          }
        } catch (error) {
          if (signal.aborted || closing.signal.aborted) return;
          // It was there for long, with nothing to tell.
          if (performance.now() - startedAt > STEADY_AFTER_MS) recovered();
          if (!isTold) log("warn", `the audit of ${runId} is read again: ${reasonOf(error)}`);
          isTold = true;
        }
        await sleep(pause.next(), AbortSignal.any([signal, closing.signal, wanted.closed.signal]));
      }
    },
    [Symbol.asyncDispose]: dispose,
  };
};
