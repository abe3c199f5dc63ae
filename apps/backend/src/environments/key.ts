import { createHash } from "node:crypto";
import type { RunEnvironment, Setup } from "@ccr/protocol";

/** A file of a commit, by its path (each byte as the character of its number) and by what names its content. */
export type TrackedFile = { path: string; mode: string; object: string };

/** All that decides what a set-up leaves, as far as it is known. */
export type SetupInputs = {
  environment: RunEnvironment & { setup: Setup };
  /**
   * The first one is that for which the environment is. `repository`: see `repositoryKey`, since what one repository's set-up leaves is never given to
   * another one. `directory`: null for one that is alone.
   */
  repositories: readonly { repository: string; directory: string | null; commit: string; files: readonly TrackedFile[] }[];
  /** Of the values of its secrets. */
  secretsDigest: string;
  /** The image's reference, which changes with the image; empty where there is none. */
  image: string;
  /** The driver, and what else of the machine is seen in its sandboxes. */
  platform: string;
};

// Raised when set-ups are done in another way from the same inputs.
const FORMAT_VERSION = 2;

/** Whether a path matches a pattern in which `*` and `?` stand for anything within a name, and `**` for any folders. Pure. */
export const patternOf = (pattern: string): RegExp => {
  const source = pattern
    .replace(/^\.\//, "")
    .replace(/(?:\*\*\/)+/g, "**/")
    .split(/(\*\*\/|\*\*|\*|\?)/)
    .map((part) => {
      if (part === "**/") return "(?:[^/]+/)*";
      if (part === "**") return ".*";
      if (part === "*") return "[^/]*";
      return part === "?" ? "[^/]" : RegExp.escape(part);
    })
    .join("");
  return new RegExp(`^${source}$`, "s");
};

/** The words of a script that may be paths. Pure. */
const wordsOf = (script: string): Set<string> =>
  new Set(script.split(/[\s'"`;&|()<>=,:{}$[\]]+/).map((word) => word.replace(/^(?:\.\/)+/, "")));

/** The files on which a set-up depends: those that match its patterns, and those that its script names. Pure. */
export const keyFiles = (
  { script, cacheKeys }: Pick<Setup, "script" | "cacheKeys">,
  files: readonly TrackedFile[],
): TrackedFile[] => {
  const patterns = cacheKeys.map(patternOf);
  const named = wordsOf(script);
  return files.filter(({ path: bytes }) => {
    const path = Buffer.from(bytes, "latin1").toString("utf8");
    return named.has(path) || patterns.some((pattern) => pattern.test(path));
  });
};

/** The name of what a set-up leaves: another one when anything changes on which that depends. Pure. */
export const setupKey = ({ environment, repositories, secretsDigest, image, platform }: SetupInputs): string => {
  const { id, generation, variables, secretNames, setup } = environment;
  const parts = [
    FORMAT_VERSION,
    id,
    generation,
    repositories.map(({ repository, directory }) => [repository, directory]),
    setup.script,
    Object.entries(variables).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    [...secretNames].sort(),
    secretsDigest,
    image,
    platform,
    repositories.map(({ commit, files }) => [
      setup.cacheKeys.length === 0 ? commit : null,
      keyFiles(setup, files).toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    ]),
  ];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
};
