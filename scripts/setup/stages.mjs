import { SetupError } from "./commands.mjs";

const coloured = process.stdout.isTTY === true && (process.env.NO_COLOR ?? "") === "" && process.env.TERM !== "dumb";

/** @param {string} code @param {string} text */
const paint = (code, text) => (coloured ? `\u001b[${code}m${text}\u001b[0m` : text);
export const dim = (/** @type {string} */ text) => paint("2", text);
export const green = (/** @type {string} */ text) => paint("32", text);
export const red = (/** @type {string} */ text) => paint("31", text);

/** @param {number} ms */
export const duration = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : minutes(ms));
/** @param {number} ms */
const minutes = (ms) => `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;

/**
 * Does one stage and prints a line about it: its name, what came out, and how long it took.
 * @param {string} name
 * @param {(say: (text: string) => void) => string | Promise<string>} action gives what came out; `say` prints what is going on when it takes long
 */
export const stage = async (name, action) => {
  const started = performance.now();
  /** @param {string} mark @param {string} text */
  const print = (mark, text) => process.stdout.write(`  ${mark} ${name.padEnd(12)} ${text}\n`);
  const result = await action((text) => print("·", dim(`${text} …`)));
  print(green("✓"), `${result} ${dim(`(${duration(performance.now() - started)})`)}`);
};

/**
 * Runs a script's body, and ends the process with the exit code that it gives. What a person can put right is printed
 * as one clear text; anything else with its stack.
 * @param {() => Promise<number>} body
 */
export const runScript = async (body) => {
  try {
    process.exitCode = await body();
  } catch (error) {
    console.error(`\n${red(error instanceof SetupError ? error.message : String(error instanceof Error ? error.stack : error))}`);
    process.exitCode = 1;
  }
};
