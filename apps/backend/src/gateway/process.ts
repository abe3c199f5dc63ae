import { type ChildProcess, spawn } from "node:child_process";
import { gatewayClient, gatewayMainPath } from "@ccr/gateway";
import type { AuditRecord, Door, RunId } from "@ccr/protocol";
import type { Doors } from "./types.ts";

const HEALTHY_WITHIN_MS = 15_000;
const LOOK_EVERY_MS = 25;
const RESTART_AFTER_MS = 200;
const END_WITHIN_MS = 5000;

export type GatewayProcessOptions = {
  controlSocket: string;
  /** The whole environment of the process, the model's credential included. */
  environment: Record<string, string>;
  log: (level: "info" | "warn" | "error", text: string) => void;
};

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Starts the gateway as a process of its own, which alone holds the credentials of the model, and keeps it there: one that died
 * is started again, and every door that was open is opened again. Resolves when it answers; throws when it does not.
 */
export const startGateway = async (options: GatewayProcessOptions): Promise<Doors & AsyncDisposable> => {
  const { controlSocket, environment, log } = options;
  const client = gatewayClient(controlSocket);
  const open = new Map<RunId, Door>();
  let closing = false;
  /** Whether it answered once: one that never did is not started again, since it would fail the same way. */
  let wasUp = false;
  const running: { child: ChildProcess | null } = { child: null };
  let said = "";

  const start = (): void => {
    const started = spawn(process.execPath, [gatewayMainPath], {
      env: { ...environment, GATEWAY_CONTROL: controlSocket, GATEWAY_OWNER: "stdin" },
      stdio: ["pipe", "pipe", "pipe"],
    });
    running.child = started;
    for (const stream of [started.stdout, started.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        said = (said + text).slice(-2000);
        for (const line of text.trimEnd().split("\n")) log("info", line);
      });
    }
    started.once("error", (error) => log("error", `the gateway could not be started: ${error.message}`));
    started.once("exit", (code, signal) => {
      if (closing || !wasUp) return;
      log("error", `the gateway ended (${signal ?? `code ${code}`}); it is started again`);
      // Sandboxes retry their requests meanwhile. An error here is told by the next attempt.
      setTimeout(() => {
        if (closing) return;
        start();
        reopen().catch((error: unknown) =>
          log("error", `doors could not be opened again: ${error instanceof Error ? error.message : String(error)}`),
        );
      }, RESTART_AFTER_MS);
    });
  };

  const untilHealthy = async (): Promise<void> => {
    const giveUpAt = performance.now() + HEALTHY_WITHIN_MS;
    for (;;) {
      try {
        await client.health();
        wasUp = true;
        return;
      } catch (error) {
        const child = running.child;
        const cannot = !wasUp && (child === null || child.exitCode !== null || child.signalCode !== null);
        if (performance.now() > giveUpAt || closing || cannot)
          throw new Error(`the gateway does not answer${said === "" ? "" : `; it said: ${said.trim()}`}`, { cause: error });
        await sleep(LOOK_EVERY_MS);
      }
    }
  };

  const reopen = async (): Promise<void> => {
    await untilHealthy();
    for (const door of open.values()) await client.openDoor(door);
  };

  start();
  try {
    await untilHealthy();
  } catch (error) {
    closing = true;
    running.child?.kill("SIGKILL");
    throw error;
  }

  const dispose = async (): Promise<void> => {
    closing = true;
    const last = running.child;
    if (last === null || last.exitCode !== null || last.signalCode !== null) return;
    const ended = new Promise((resolve) => last.once("exit", resolve));
    last.kill("SIGTERM");
    const kill = setTimeout(() => last.kill("SIGKILL"), END_WITHIN_MS);
    await ended;
    clearTimeout(kill);
  };

  return {
    async open(door) {
      open.set(door.runId, door);
      await untilHealthy();
      await client.openDoor(door);
    },
    async close(runId) {
      if (!open.delete(runId)) return;
      await untilHealthy();
      await client.closeDoor(runId);
    },
    async *followAudit(runId, { after }, signal): AsyncGenerator<AuditRecord> {
      let last = after;
      // A gateway that was replaced goes on counting where its predecessor stopped.
      while (!signal.aborted && open.has(runId)) {
        try {
          for await (const record of client.followAudit(runId, { after: last }, signal)) {
            last = record.n;
            yield record;
          }
        } catch (error) {
          if (signal.aborted) return;
          log("warn", `the audit of ${runId} is read again: ${error instanceof Error ? error.message : String(error)}`);
        }
        if (open.has(runId)) await sleep(RESTART_AFTER_MS);
      }
    },
    [Symbol.asyncDispose]: dispose,
  };
};
