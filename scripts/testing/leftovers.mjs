import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** Caches that programs keep in the temporary folder, on purpose and for ever. */
const CACHES = [/^node-compile-cache$/, /^v8-compile-cache/];

/**
 * Processes that still carry the mark of a test run in their environment (Linux): what tests started and did not end.
 * @param {string} mark
 * @returns {string[]}
 */
const processesWith = (mark) => {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").includes(mark)) return [];
        return [`process ${pid}: ${readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim().slice(0, 200)}`];
      } catch {
        return []; // it has ended, or is not ours to look at
      }
    });
};

/**
 * What a test run left behind. Waits a moment for what is on its way out.
 * @param {{ mark: string, folder: string }} run `mark`: a `NAME=value` of its environment; `folder`: its own folder for temporary files
 * @returns {Promise<string[]>}
 */
export const leftovers = async ({ mark, folder }) => {
  const look = () => [
    ...processesWith(mark),
    ...readdirSync(folder)
      .filter((name) => !CACHES.some((cache) => cache.test(name)))
      .map((name) => `file ${join(folder, name)}`),
  ];
  for (let left = 20; left > 0 && look().length > 0; left--) await delay(100);
  return look();
};
