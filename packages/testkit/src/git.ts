import { spawn } from "node:child_process";

/** The environment in which the kit runs git: nothing of the machine's settings, one identity, and dates that only `at` decides. */
export const gitEnvironment = (at: Date): Record<string, string> => ({
  PATH: process.env.PATH ?? "/usr/bin:/bin",
  HOME: "/nonexistent",
  LC_ALL: "C",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_TERMINAL_PROMPT: "0",
  GIT_AUTHOR_NAME: "Ada Example",
  GIT_AUTHOR_EMAIL: "ada@example.test",
  GIT_AUTHOR_DATE: at.toISOString(),
  GIT_COMMITTER_NAME: "Ada Example",
  GIT_COMMITTER_EMAIL: "ada@example.test",
  GIT_COMMITTER_DATE: at.toISOString(),
});

/** Runs git to its end and gives its output without the last newline; throws with git's own words when it fails. */
export const runGit = async (cwd: string, args: readonly string[], at = new Date(0)): Promise<string> => {
  const child = spawn("git", args, { cwd, env: gitEnvironment(at), stdio: ["ignore", "pipe", "pipe"] });
  const output: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => errors.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code !== 0) throw new Error(`git ${args.join(" ")} ended with ${code}: ${Buffer.concat(errors).toString()}`);
  return Buffer.concat(output).toString().replace(/\n$/, "");
};
