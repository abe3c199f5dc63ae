import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The root folder of this checkout. */
export const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

/** The Node binary that the project pins, whatever Node the machine has. */
export const pinnedNode = join(root, "node_modules", "node", "bin", "node");

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
