import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { stripVTControlCharacters } from "node:util";

/** Something that a person has to put right: `message` says what happened and what to do next. */
export class SetupError extends Error {
  /** @override */
  name = "SetupError";
}

/** @param {unknown} error */
export const errorCode = (error) => (error instanceof Error && "code" in error ? error.code : undefined);

const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP"];
const KEPT_CHARACTERS = 16_000;

/**
 * Waits for a child to end, and passes on the signals that come meanwhile, so that nothing outlives its launcher.
 * A terminal sends Ctrl-C to every process in the foreground by itself: then it is not sent a second time.
 * @param {import("node:child_process").ChildProcess} child
 * @returns {Promise<{ code: number | null, signal: NodeJS.Signals | null }>}
 */
const ended = (child) =>
  new Promise((resolve, reject) => {
    /** @type {Record<string, number>} */
    const passedAt = {};
    /** @param {NodeJS.Signals} signal */
    const pass = (signal) => {
      const now = performance.now();
      // npm passes on what the whole process group got already: one wish, not two.
      const isRepeated = now - (passedAt[signal] ?? Number.NEGATIVE_INFINITY) < 500;
      passedAt[signal] = now;
      if (!isRepeated && !(signal === "SIGINT" && process.stdin.isTTY)) child.kill(signal);
    };
    for (const name of FORWARDED) process.on(name, pass);
    const release = () => {
      for (const name of FORWARDED) process.off(name, pass);
    };
    child.once("error", (error) => {
      release();
      reject(error);
    });
    child.once("close", (code, signal) => {
      release();
      resolve({ code, signal });
    });
  });

/**
 * Runs a program that works silently, and gives the end of what it printed.
 * @param {string} program
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<{ ok: boolean, output: string }>}
 */
export const runQuietly = async (program, args, options = {}) => {
  const child = spawn(program, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text) => {
      output = (output + text).slice(-KEPT_CHARACTERS);
    });
  }
  try {
    const { code, signal } = await ended(child);
    // A signal that was passed on is the person's wish to stop: nothing is to be tried after it.
    if (signal !== null) throw new SetupError(`${program} was stopped by ${signal}.`);
    return { ok: code === 0, output };
  } catch (error) {
    if (error instanceof SetupError) throw error;
    return { ok: false, output: String(error) };
  }
};

/**
 * Hands the terminal over to a program until it ends.
 * @param {string} program
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<number>} its exit code; 128 and the signal's number when a signal ended it
 */
export const handOver = async (program, args, options = {}) => {
  const { code, signal } = await ended(spawn(program, args, { ...options, stdio: "inherit" }));
  return code ?? 128 + ({ SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }[String(signal)] ?? 0);
};

/**
 * @param {string} name
 * @param {string[]} [folders] where it may be too
 * @returns {string | null} where the program is, also in the folders for administrators that a plain user's PATH may lack
 */
export const findProgram = (name, folders = []) => {
  for (const folder of [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin", ...folders]) {
    try {
      const path = join(folder === "" ? "." : folder, name);
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not in this folder
    }
  }
  return null;
};

/**
 * The last lines of a long output, indented.
 * @param {string} output
 * @param {number} [count]
 */
export const lastLines = (output, count = 15) =>
  stripVTControlCharacters(output)
    .trimEnd()
    .split("\n")
    .slice(-count)
    .map((line) => `    ${line}`)
    .join("\n");
