import { spawn } from "node:child_process";
import { stat } from "node:fs/promises";
import { CcrError, type CheckInput, type CheckResult } from "@ccr/protocol";
import type { OutputFile } from "./check-output.ts";
import { HeadAndTail } from "./head-and-tail.ts";
import { signalGroup } from "./processes.ts";

export interface CheckOptions {
  workspace: string;
  env: Readonly<Record<string, string>>;
  /** Aborted when the command is to be ended like one whose time is up. The result says so. */
  interruption: AbortSignal;
  /** Aborted when there is to be no result any more: with a `CcrError` that says why, or because nobody waits for it. */
  signal: AbortSignal;
  /** Takes all that is printed, too; the command waits for it like for any reader. Left to the caller to end. */
  whole?: OutputFile | null;
}

const TERM_GRACE_MS = 2_000;
// What a command left running in the background may hold its output open; after this time nobody waits for it.
const DRAIN_MS = 500;

const abortError = ({ reason }: AbortSignal): CcrError =>
  reason instanceof CcrError
    ? reason
    : new CcrError("timeout", "The check was ended because nobody waits for it any more.", { cause: reason });

/** What is told of a command that we ended, however it took that: one that catches the signal may end with any exit code. */
const interrupted = (killedBy: NodeJS.Signals | null): CheckResult["outcome"] => ({
  kind: "killed",
  signal: killedBy ?? "SIGTERM",
});

/**
 * Runs a command with `bash -c` in the workspace, in a process group of its own that is gone when this resolves. Output and errors come as
 * one stream, in the order in which they were written. Rejects only when the command could not be run, or the signal is aborted.
 */
export const runCheck = async (
  { command, timeoutMs }: CheckInput,
  { workspace, env, interruption, signal, whole = null }: CheckOptions,
): Promise<CheckResult> => {
  const folder = await stat(workspace).catch(() => null);
  if (folder?.isDirectory() !== true)
    throw new CcrError("conflict", `There is no workspace at ${workspace}: clone a repository first.`);
  if (signal.aborted) throw abortError(signal);
  if (interruption.aborted) {
    return { command, outcome: interrupted(null), passed: false, output: "", outputTruncated: false, durationMs: 0 };
  }
  const begin = performance.now();
  const output = new HeadAndTail();
  // One file descriptor for both streams keeps their order; the command stays an argument of its own and is quoted by nobody.
  const child = spawn("bash", ["-c", 'exec bash -c "$1" 2>&1', "bash", command], {
    cwd: workspace,
    env,
    stdio: ["ignore", "pipe", "ignore"],
    detached: true,
  });
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const exited = new Promise<{ code: number | null; killedBy: NodeJS.Signals | null }>((resolve, reject) => {
    child.once("exit", (code, killedBy) => resolve({ code, killedBy }));
    child.once("error", (error) =>
      reject(new CcrError("internal", `bash cannot be started: ${error.message}`, { cause: error })),
    );
  });
  let hasExited = false;
  child.stdout.on("data", (chunk: Buffer) => {
    output.add(chunk);
    if (whole === null || whole.add(chunk) || hasExited) return;
    child.stdout.pause();
    void whole.caughtUp().then(() => child.stdout.resume());
  });
  const { pid } = child;
  let killTimer: NodeJS.Timeout | undefined;
  let timedOut = false;
  const end = () => {
    signalGroup(pid, "SIGTERM");
    killTimer ??= setTimeout(() => signalGroup(pid, "SIGKILL"), TERM_GRACE_MS);
  };
  const limit = setTimeout(
    () => {
      timedOut = true;
      end();
    },
    Math.min(timeoutMs, 2_147_483_647),
  );
  for (const each of [interruption, signal]) each.addEventListener("abort", end, { once: true });
  try {
    const { code, killedBy } = await exited;
    // What is left in the pipe is little, and is not to be lost for a slow disk.
    hasExited = true;
    child.stdout.resume();
    // What comes from here on did not end it.
    const how = { timedOut, interrupted: interruption.aborted };
    // What it left running goes with it.
    if (signalGroup(pid, "SIGTERM")) killTimer ??= setTimeout(() => signalGroup(pid, "SIGKILL"), TERM_GRACE_MS);
    const drained = await Promise.race([
      closed.then(() => true),
      new Promise<false>((resolve) => setTimeout(resolve, DRAIN_MS, false)),
    ]);
    if (!drained) {
      signalGroup(pid, "SIGKILL");
      child.stdout.destroy();
    }
    const durationMs = Math.round(performance.now() - begin);
    if (signal.aborted) throw abortError(signal);
    const { text, truncated } = output.finish();
    const outcome: CheckResult["outcome"] = how.timedOut
      ? { kind: "timed_out", afterMs: durationMs }
      : how.interrupted
        ? interrupted(killedBy)
        : killedBy !== null
          ? { kind: "killed", signal: killedBy }
          : { kind: "exited", exitCode: code ?? -1 };
    return {
      command,
      outcome,
      passed: outcome.kind === "exited" && outcome.exitCode === 0,
      output: text,
      outputTruncated: truncated,
      durationMs,
    };
  } finally {
    clearTimeout(limit);
    clearTimeout(killTimer);
    signalGroup(pid, "SIGKILL");
    for (const each of [interruption, signal]) each.removeEventListener("abort", end);
  }
};
