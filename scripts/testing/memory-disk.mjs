import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const KIB = 1024;
const GIB = 1024 ** 3;
/** With less there would be no room for what tests do, or none for their programs. */
const LEAST_AVAILABLE = 16 * GIB;

/**
 * How large a disk in memory may be, in bytes; 0: there is no room for one. Pure.
 * @param {string} meminfo what Linux says in `/proc/meminfo`
 */
export const sizeFrom = (meminfo) => {
  const available = Number(/^MemAvailable:\s+(\d+) kB$/m.exec(meminfo)?.[1] ?? 0) * KIB;
  return available < LEAST_AVAILABLE ? 0 : Math.floor(available / 2);
};

/**
 * Puts a folder into memory, where that can be done: on Linux, by root, with enough of it. Tests make and remove a great many small files, which takes
 * a fifth of their time on a disk.
 * @param {string} folder an empty one
 * @returns {(() => void) | null} takes it off again, with all that is in it; null: the folder is as it was
 */
export const intoMemory = (folder) => {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return null;
  try {
    const size = sizeFrom(readFileSync("/proc/meminfo", "utf8"));
    if (size === 0) return null;
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size},mode=0700`, "tmpfs", folder], { stdio: "ignore" });
    // Whoever still has something of it open keeps that alone.
    return () => void execFileSync("umount", ["--lazy", folder], { stdio: "ignore" });
  } catch {
    // A container may not mount anything.
    return null;
  }
};
