import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { dirname } from "node:path";

/** How a git command ended. An abort is none of these: it is thrown. */
export type GitOutcome =
  | { kind: "exited"; code: number | null; signal: string | null; output: string; errors: string }
  | { kind: "timed_out"; afterMs: number };

export interface GitCommand {
  args: readonly string[];
  environment: Readonly<Record<string, string>>;
  cwd: string;
  timeoutMs: number;
  /** Gets each line of progress as it comes. */
  onProgress?: (line: string) => void;
}

// A command's answer is a handful of lines; what a hostile server adds to that is not kept.
const OUTPUT_MAX = 1024 * 1024;
const ERRORS_MAX = 64 * 1024;
// Long enough for git to take its lock files away.
const GRACE_MS = 2_000;

const killGroup = (child: ChildProcess, signal: NodeJS.Signals): void => {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // the whole group is gone already
  }
};

/** Keeps the end of what it is given. */
const tail = (limit: number) => {
  let text = "";
  return {
    add: (chunk: string) => {
      text = (text + chunk).slice(-limit);
    },
    text: () => text,
  };
};

/**
 * Runs git to its end, as the leader of a process group. When the time is up or `signal` aborts, the whole group is ended, and this
 * settles when it is gone: with `timed_out`, or by throwing the signal's reason.
 */
export const runGit = async (command: GitCommand, signal: AbortSignal): Promise<GitOutcome> => {
  signal.throwIfAborted();
  const child = spawn("git", command.args, {
    cwd: command.cwd,
    // It must not take a repository that the data directory happens to lie in for its own, and read its settings.
    env: { ...command.environment, GIT_CEILING_DIRECTORIES: dirname(command.cwd) },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const output = tail(OUTPUT_MAX);
  const errors = tail(ERRORS_MAX);
  let partial = "";
  child.stdout.setEncoding("utf8").on("data", output.add);
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    errors.add(chunk);
    const lines = (partial + chunk).split(/[\r\n]+/);
    partial = (lines.pop() ?? "").slice(-1_000);
    for (const line of lines) command.onProgress?.(line);
  });
  let timedOut = false;
  let last: NodeJS.Timeout | undefined;
  const stop = () => {
    killGroup(child, "SIGTERM");
    last ??= setTimeout(() => killGroup(child, "SIGKILL"), GRACE_MS);
  };
  const timer = setTimeout(() => {
    timedOut = true;
    stop();
  }, command.timeoutMs);
  // A grandchild that keeps the pipes open must not keep us: git's own end is the end of all.
  child.once("exit", () => {
    last ??= setTimeout(() => killGroup(child, "SIGKILL"), GRACE_MS);
  });
  signal.addEventListener("abort", stop, { once: true });
  try {
    const [code, killedBy] = await once(child, "close");
    signal.throwIfAborted();
    if (timedOut) return { kind: "timed_out", afterMs: command.timeoutMs };
    return { kind: "exited", code, signal: killedBy, output: output.text(), errors: errors.text() };
  } finally {
    clearTimeout(timer);
    clearTimeout(last);
    signal.removeEventListener("abort", stop);
  }
};
