import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { BaseSequencer } from "vitest/node";
import { root } from "../setup/places.mjs";

/**
 * About how many seconds the longest test files take on two cores, by their paths; what is shorter is not worth a line. Where a number is wrong,
 * the tests only take a little longer.
 * @type {Readonly<Record<string, number>>}
 */
export const LONG_FILES = JSON.parse(readFileSync(join(import.meta.dirname, "long-files.json"), "utf8"));

/**
 * On a machine without the executor image one file builds it, which takes minutes, and every other one on Docker would wait for that: as many
 * files as there are workers begin, of which the first alone needs it.
 */
export const FIRST_FILES = ["e2e/repositories.test.ts", "e2e/ui/accessibility.test.ts"];

/** @param {string} file a path from the root */
export const rankOf = (file) => {
  const place = FIRST_FILES.indexOf(file);
  return place === -1 ? (LONG_FILES[file] ?? 0) : Number.MAX_SAFE_INTEGER - place;
};

/** The longest files first, so that no worker is left alone with one of them at the end. */
export class LongestFirst extends BaseSequencer {
  /**
   * @override
   * @param {import("vitest/node").TestSpecification[]} files
   */
  async sort(files) {
    const rank = (/** @type {import("vitest/node").TestSpecification} */ { moduleId }) => rankOf(relative(root, moduleId));
    return (await super.sort(files)).toSorted((one, other) => rank(other) - rank(one));
  }
}
