import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The root folder of this checkout. */
export const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

/** The Node binary that the project pins, whatever Node the machine has. */
export const pinnedNode = join(root, "node_modules", "node", "bin", "node");

/**
 * The server's program, to be run by the pinned Node, with the flags and variables for its process. A young generation of V8 that may grow to
 * its usual size makes the server three times as large, and no quicker; glibc, left to itself, gives each thread a heap of its own and hands
 * back little of what was once used (mallopt(3)).
 * @returns {{ args: string[], env: NodeJS.ProcessEnv }}
 */
export const serverProgram = () => {
  const backend = join(root, "apps", "backend");
  const { flags, environment } = JSON.parse(readFileSync(join(backend, "launch.json"), "utf8"));
  return { args: [...flags, join(backend, "src", "main.ts")], env: { ...environment, ...pinnedEnvironment() } };
};

/** What may be deleted at any time: locks and compiled code. */
export const cacheFolder = join(root, ".cache");

/** Held while something in the checkout is installed or built. */
export const setupLock = join(cacheFolder, "setup.lock");

/**
 * The environment for programs on the pinned Node: its tools come first in PATH, and code that was compiled once is not compiled again.
 * @returns {NodeJS.ProcessEnv}
 */
export const pinnedEnvironment = () => ({
  ...process.env,
  PATH: `${join(root, "node_modules", ".bin")}:${process.env.PATH ?? ""}`,
  NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(cacheFolder, "node"),
});
