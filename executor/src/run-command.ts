import { spawn } from "node:child_process";
import { CcrError } from "@ccr/protocol";

export interface CommandOptions {
  cwd: string;
  env: Readonly<Record<string, string>>;
  /** Written to the command's standard input. */
  input?: string | Buffer;
  /** More output than this ends the command; what came before is given, with `truncated`. */
  maxBytes?: number;
  signal?: AbortSignal;
}

export interface CommandOutput {
  code: number | null;
  stdout: Buffer;
  /** At most its last few kilobytes. */
  stderr: string;
  truncated: boolean;
}

const STDERR_BYTES = 8 * 1024;
const MAX_BYTES = 256 * 1024 * 1024;

/** Runs a program with an argument list, in a group of its own, and gives what it wrote. Rejects when it cannot be started or is aborted. */
export const runCommand = (program: string, args: readonly string[], options: CommandOptions): Promise<CommandOutput> => {
  const { cwd, env, input, maxBytes = MAX_BYTES, signal } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(abortError(program));
    const child = spawn(program, args, { cwd, env, stdio: ["pipe", "pipe", "pipe"], detached: true });
    const kill = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      } catch {
        // It ended by itself.
      }
    };
    const chunks: Buffer[] = [];
    let bytes = 0;
    let truncated = false;
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => {
      if (truncated) return;
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > maxBytes) {
        truncated = true;
        kill();
      }
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-STDERR_BYTES);
    });
    signal?.addEventListener("abort", kill, { once: true });
    child.once("error", (error) =>
      reject(new CcrError("internal", `${program} cannot be started: ${error.message}`, { cause: error })),
    );
    child.once("close", (code) => {
      signal?.removeEventListener("abort", kill);
      if (signal?.aborted === true) return reject(abortError(program));
      resolve({ code, stdout: Buffer.concat(chunks).subarray(0, maxBytes), stderr, truncated });
    });
    child.stdin.on("error", () => {}); // it did not want its input; its exit code tells the rest
    child.stdin.end(input);
  });
};

const abortError = (program: string): CcrError =>
  new CcrError("timeout", `${program} was ended because nobody waits for it any more.`);
