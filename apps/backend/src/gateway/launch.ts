import { type ChildProcess, spawn } from "node:child_process";
import { constants, type FileHandle, open } from "node:fs/promises";
import { gatewayMainPath } from "@ccr/gateway";

/** What it wrote before is of no use to anybody then. */
const LOG_MAX_BYTES = 1024 * 1024;
const LAST_WORDS_BYTES = 2000;

/** A gateway that was started just now. */
export type Launched = {
  child: ChildProcess;
  /** Aborted when the process has ended, or never came to be; its reason is a sentence. */
  ended: AbortSignal;
  /** The end of what it wrote to its log. */
  lastWords(): Promise<string>;
};

const lastBytes = async (file: FileHandle, from: number): Promise<string> => {
  const { size } = await file.stat();
  const start = Math.max(from, size - LAST_WORDS_BYTES);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.max(0, size - start)), 0, null, start);
  return buffer.subarray(0, bytesRead).toString().trim();
};

/**
 * Starts the gateway in a session of its own, which no signal to our process group or terminal reaches, and with a file for its output, so
 * that it goes on in whatever way this process ends.
 */
export const launchGateway = async (options: { environment: Record<string, string>; logFile: string }): Promise<Launched> => {
  const { environment, logFile } = options;
  const log = await open(logFile, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  let from: number;
  const ending = new AbortController();
  try {
    if ((await log.stat()).size > LOG_MAX_BYTES) await log.truncate(0);
    from = (await log.stat()).size;
    const child = spawn(process.execPath, [gatewayMainPath], {
      cwd: "/",
      env: environment,
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
    });
    child.unref();
    // Without a process there is no exit to wait for.
    child.once("error", (error) => ending.abort(`could not be started: ${error.message}`));
    child.once("exit", (code, signal) => ending.abort(`ended (${signal ?? `code ${code}`})`));
    return {
      child,
      ended: ending.signal,
      lastWords: async () => {
        const file = await open(logFile, "r").catch(() => null);
        if (file === null) return "";
        return lastBytes(file, from).finally(() => file.close());
      },
    };
  } finally {
    await log.close();
  }
};
