import { execFile } from "node:child_process";
import { readdir, readFile, readlink } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { gatewayMainPath } from "@ccr/gateway";

const LOOK_EVERY_MS = 20;
// The records of what is cut are written first.
const END_WITHIN_MS = 5000;
const KILLED_WITHIN_MS = 10_000;

/**
 * Whether the process with this number is a gateway that serves this control socket: the number alone may have been given to another
 * process since. One that has ended and only waits to be reaped is none.
 */
export const isGateway = async (pid: number, controlSocket: string): Promise<boolean> => {
  if (process.platform !== "linux") {
    const { stdout } = await promisify(execFile)("ps", ["-ww", "-p", String(pid), "-o", "command="]).catch(() => ({
      stdout: "",
    }));
    return stdout.includes(gatewayMainPath);
  }
  // A sandbox could give its processes any environment; it has process numbers of its own.
  const [own, its] = await Promise.all(["self", pid].map((name) => readlink(`/proc/${name}/ns/pid`).catch(() => null)));
  if (its === null || its !== own) return false;
  const environment = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
  return environment.split("\0").includes(`GATEWAY_CONTROL=${controlSocket}`);
};

/** The processes that serve, or are about to serve, this control socket. Where there is no /proc, none are found. */
const findGateways = async (controlSocket: string): Promise<number[]> => {
  const names = await readdir("/proc").catch(() => []);
  const pids = names.filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map(async (pid) => ((await isGateway(pid, controlSocket)) ? [pid] : [])));
  return found.flat();
};

const signalTo = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself; if it may not be reached, whoever waits for its end says so.
  }
};

const isGone = async (pid: number, controlSocket: string, withinMs: number): Promise<boolean> => {
  const giveUpAt = performance.now() + withinMs;
  while (await isGateway(pid, controlSocket)) {
    if (performance.now() > giveUpAt) return false;
    await delay(LOOK_EVERY_MS);
  }
  return true;
};

/** Asks a gateway to end, and kills it when it does not. Resolves when it is gone; throws when it stays. Does nothing to another process of this number. */
export const endGateway = async (pid: number, controlSocket: string): Promise<void> => {
  if (!(await isGateway(pid, controlSocket))) return;
  signalTo(pid, "SIGTERM");
  if (await isGone(pid, controlSocket, END_WITHIN_MS)) return;
  signalTo(pid, "SIGKILL");
  if (await isGone(pid, controlSocket, KILLED_WITHIN_MS)) return;
  throw new Error(`the gateway with process number ${pid} cannot be ended; end it by hand`);
};

/** Ends every gateway of a control socket but the one with the number `except`: two must never write to one audit file. */
export const endGateways = async (
  controlSocket: string,
  { except, also }: { except?: number; also?: number } = {},
): Promise<void> => {
  const pids = new Set([...(await findGateways(controlSocket)), ...(also === undefined ? [] : [also])]);
  await Promise.all([...pids].filter((pid) => pid !== except).map((pid) => endGateway(pid, controlSocket)));
};
