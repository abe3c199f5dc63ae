import { CcrError } from "@ccr/protocol";
import { type CommandOptions, type CommandOutput, runCommand } from "./run-command.ts";

/**
 * Configuration that outranks what stands in a repository: nothing of it may run a program. The transports that a clone may use are named
 * where it is made.
 */
const SAFE = [
  "core.hooksPath=/dev/null",
  "core.fsmonitor=false",
  "protocol.ext.allow=never",
  "submodule.recurse=false",
  "fetch.recurseSubmodules=false",
  "advice.addEmbeddedRepo=false",
  "advice.detachedHead=false",
  "gc.auto=0",
  "maintenance.auto=false",
].flatMap((setting) => ["-c", setting]);

export interface GitOptions extends CommandOptions {
  /** Exit codes that are no error; 0 alone when left out. */
  allowedCodes?: readonly number[];
}

/** The last line that says something, without the word before it: what a person is shown of git's output. */
export const lastGitLine = (stderr: string): string => {
  const lines = stderr
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const telling = lines.findLast((line) => /^(fatal|error|remote: )/.test(line)) ?? lines.at(-1) ?? "git gave no reason";
  return telling.replace(/^(fatal|error): /, "").slice(0, 500);
};

const DISK_FULL = /No space left on device|Disk quota exceeded/i;

/** Whether git failed because the disk is full. Pure. */
export const isDiskFull = (stderr: string): boolean => DISK_FULL.test(stderr);

/** Runs git so that no hook, no file system monitor and no question is in its way. */
export const runGit = (args: readonly string[], options: CommandOptions): Promise<CommandOutput> =>
  runCommand("git", [...SAFE, ...args], {
    ...options,
    env: {
      ...options.env,
      GIT_TERMINAL_PROMPT: "0",
      GIT_ASKPASS: "true",
      GIT_OPTIONAL_LOCKS: "0",
      GIT_LFS_SKIP_SMUDGE: "1",
      LC_ALL: "C",
    },
  });

/** Runs git and gives what it wrote, without the last newline; throws `internal` with git's reason when it fails. */
export const git = async (args: readonly string[], { allowedCodes = [0], ...options }: GitOptions): Promise<string> => {
  const { code, stdout, stderr } = await runGit(args, options);
  if (code === null || !allowedCodes.includes(code)) {
    throw new CcrError("internal", `git ${args.find((arg) => !arg.startsWith("-")) ?? ""} failed: ${lastGitLine(stderr)}`);
  }
  return stdout.toString("utf8").replace(/\n$/, "");
};

/** Splits what git wrote with `-z`. Pure. */
export const splitZ = (output: Buffer): Buffer[] => {
  const parts: Buffer[] = [];
  for (let start = 0; start < output.length; ) {
    const end = output.indexOf(0, start);
    const stop = end === -1 ? output.length : end;
    if (stop > start) parts.push(output.subarray(start, stop));
    start = stop + 1;
  }
  return parts;
};
