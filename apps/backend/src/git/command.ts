import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { dirname } from "node:path";
import type { Readable } from "node:stream";

/** How a git command ended. An abort is none of these: it is thrown. */
export type GitOutcome =
  | { kind: "exited"; code: number | null; signal: string | null; output: string; errors: string }
  | { kind: "timed_out"; afterMs: number };

export interface GitCommand {
  args: readonly string[];
  environment: Readonly<Record<string, string>>;
  cwd: string;
  timeoutMs: number;
  /** What it reads: some bytes, or a file from its present position on. Nothing when left out. */
  input?: Uint8Array | { fd: number };
  /** How much memory it may take, for work on what a stranger chose; MiB. */
  memoryMb?: number;
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

type Started = { child: ChildProcess; stdout: Readable; stderr: Readable };

const start = ({ args, environment, cwd, input, memoryMb }: GitCommand): Started => {
  // The shell's own limit is there on every system; where it does not know this one, git runs without.
  const limited = ["-c", 'ulimit -v "$0" 2>/dev/null; exec git "$@"', String((memoryMb ?? 0) * 1024), ...args];
  const [program, line] = memoryMb === undefined ? ["git", args] : ["sh", limited];
  const child = spawn(program, line, {
    cwd,
    // It must not take a repository that the data directory happens to lie in for its own, and read its settings.
    env: { ...environment, GIT_CEILING_DIRECTORIES: dirname(cwd) },
    stdio: [input === undefined ? "ignore" : input instanceof Uint8Array ? "pipe" : input.fd, "pipe", "pipe"],
    detached: true,
  });
  if (input instanceof Uint8Array) {
    child.stdin?.on("error", () => {}); // it did not want its input; its exit code tells the rest
    child.stdin?.end(input);
  }
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error("git was started without pipes");
  return { child, stdout, stderr };
};

/**
 * Runs git and gives what it writes, at the reader's pace. Throws when it fails or takes too long, after what it wrote until then. It is
 * gone when the iteration has ended, however that ended.
 */
export async function* streamGit(command: GitCommand, signal: AbortSignal): AsyncGenerator<Buffer> {
  signal.throwIfAborted();
  const { child, stdout, stderr } = start(command);
  const errors = tail(ERRORS_MAX);
  stderr.setEncoding("utf8").on("data", errors.add);
  const closed = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  closed.catch(() => {}); // whoever iterates hears of it
  let timedOut = false;
  const kill = () => killGroup(child, "SIGKILL");
  const timer = setTimeout(() => {
    timedOut = true;
    kill();
  }, command.timeoutMs);
  signal.addEventListener("abort", kill, { once: true });
  try {
    for await (const chunk of stdout) if (Buffer.isBuffer(chunk)) yield chunk;
    const code = await closed;
    signal.throwIfAborted();
    if (timedOut) throw new Error(`git ${command.args.find((arg) => !arg.startsWith("-")) ?? ""} took too long`);
    if (code !== 0) throw new Error(`git ended with ${code}: ${errors.text().trim().slice(-500)}`);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", kill);
    kill();
    await closed.catch(() => {});
  }
}

/**
 * Runs git to its end, as the leader of a process group. When the time is up or `signal` aborts, the whole group is ended, and this
 * settles when it is gone: with `timed_out`, or by throwing the signal's reason.
 */
export const runGit = async (command: GitCommand, signal: AbortSignal): Promise<GitOutcome> => {
  signal.throwIfAborted();
  const { child, stdout, stderr } = start(command);
  const output = tail(OUTPUT_MAX);
  const errors = tail(ERRORS_MAX);
  let partial = "";
  stdout.setEncoding("utf8").on("data", output.add);
  stderr.setEncoding("utf8").on("data", (chunk: string) => {
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
