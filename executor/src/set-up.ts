import { spawn } from "node:child_process";
import { stat } from "node:fs/promises";
import { StringDecoder } from "node:string_decoder";
import { CcrError, type SetUpEvent, type SetUpInput } from "@ccr/protocol";
import { signalGroup } from "./processes.ts";

export interface SetUpOptions {
  workspace: string;
  env: Readonly<Record<string, string>>;
  /** Ends the script; there is no end to tell then. */
  signal: AbortSignal;
}

const TERM_GRACE_MS = 2_000;
// What the script left running in the background may hold its output open; after this time nobody waits for it.
const DRAIN_MS = 500;

const line = (event: SetUpEvent): Buffer => Buffer.from(`${JSON.stringify(event)}\n`);

/**
 * Runs the script of an environment in the workspace, in a process group of its own that is gone when this ends, and gives what it prints, at
 * the reader's pace, and at last how it ended, as NDJSON of `SetUpEvent`. Throws `conflict` where there is no workspace.
 */
export const setUp = async (input: SetUpInput, options: SetUpOptions): Promise<AsyncIterable<Buffer>> => {
  const folder = await stat(options.workspace).catch(() => null);
  if (folder?.isDirectory() !== true)
    throw new CcrError("conflict", `There is no workspace at ${options.workspace}: clone a repository first.`);
  return run(input, options);
};

async function* run({ script, secrets, timeoutMs }: SetUpInput, options: SetUpOptions): AsyncGenerator<Buffer> {
  const { workspace, env, signal } = options;
  signal.throwIfAborted();
  const begin = performance.now();
  // One file descriptor for both streams keeps their order; the script stays an argument of its own and is quoted by nobody.
  const child = spawn("bash", ["-c", 'exec bash -e -c "$1" set-up 2>&1', "bash", script], {
    cwd: workspace,
    env: { ...env, ...secrets },
    stdio: ["ignore", "pipe", "ignore"],
    detached: true,
  });
  const { pid, stdout } = child;
  const exited = new Promise<{ code: number | null; killedBy: NodeJS.Signals | null }>((resolve, reject) => {
    child.once("exit", (code, killedBy) => resolve({ code, killedBy }));
    child.once("error", (error) =>
      reject(new CcrError("internal", `bash cannot be started: ${error.message}`, { cause: error })),
    );
  });
  const timers: NodeJS.Timeout[] = [];
  let timedOut = false;
  const end = () => {
    signalGroup(pid, "SIGTERM");
    timers.push(setTimeout(() => signalGroup(pid, "SIGKILL"), TERM_GRACE_MS));
  };
  const limit = () => {
    timedOut = true;
    end();
  };
  timers.push(setTimeout(limit, Math.min(timeoutMs, 2_147_483_647)));
  signal.addEventListener("abort", end, { once: true });
  let hasEnded = false;
  const drained = exited.then(
    () => {
      hasEnded = true;
      // What it left running goes with it.
      signalGroup(pid, "SIGKILL");
      timers.push(setTimeout(() => stdout.destroy(), DRAIN_MS));
    },
    () => stdout.destroy(),
  );
  const decoder = new StringDecoder("utf8");
  try {
    try {
      for await (const chunk of stdout) {
        const text = Buffer.isBuffer(chunk) ? decoder.write(chunk) : "";
        if (text !== "") yield line({ type: "output", text });
      }
    } catch (error) {
      if (!hasEnded) throw error;
    }
    const rest = decoder.end();
    if (rest !== "") yield line({ type: "output", text: rest });
    const { code, killedBy } = await exited;
    signal.throwIfAborted();
    const durationMs = Math.round(performance.now() - begin);
    const outcome: Extract<SetUpEvent, { type: "ended" }>["outcome"] = timedOut
      ? { kind: "timed_out", afterMs: durationMs }
      : killedBy !== null
        ? { kind: "killed", signal: killedBy }
        : { kind: "exited", exitCode: code ?? -1 };
    yield line({ type: "ended", outcome, durationMs });
  } finally {
    signal.removeEventListener("abort", end);
    signalGroup(pid, "SIGKILL");
    await drained;
    for (const timer of timers) clearTimeout(timer);
    stdout.destroy();
  }
}
