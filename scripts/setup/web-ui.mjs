import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lastLines, runQuietly, SetupError } from "./commands.mjs";
import { withLock } from "./lock.mjs";
import { pinnedEnvironment, pinnedNode, root, setupLock } from "./places.mjs";

const frontend = join(root, "apps", "frontend");
const built = join(frontend, "dist");
const stampFile = join(built, ".ccr-inputs");
const NOT_INPUTS = new Set(["dist", "dist.next", "node_modules"]);

/**
 * @param {string} folder
 * @returns {string[]} the files below, in the same order every time
 */
const filesBelow = (folder) =>
  readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !NOT_INPUTS.has(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesBelow(path) : /\.test\.tsx?$/.test(entry.name) ? [] : [path];
    });

/** A hash of all that the built page is made from. */
const inputsHash = () => {
  const hash = createHash("sha256");
  const protocol = join(root, "packages", "protocol", "src");
  for (const path of [...filesBelow(frontend), ...filesBelow(protocol), join(root, "package-lock.json")]) {
    const content = readFileSync(path);
    hash.update(`${path.slice(root.length)} ${content.length}\n`).update(content);
  }
  return hash.digest("hex");
};

/** @param {string} inputs */
const isCurrent = (inputs) => {
  try {
    return readFileSync(stampFile, "utf8") === inputs && existsSync(join(built, "index.html"));
  } catch {
    return false;
  }
};

/**
 * Builds the web page when it is missing or what it is made from has changed. Needs the dependencies. The old page stays
 * until the new one is complete.
 * @param {(text: string) => void} say
 * @returns {Promise<string>} what was done, for people
 */
export const ensureWebUi = async (say) => {
  if (isCurrent(inputsHash())) return "built already";
  return withLock(setupLock, {
    waiting: (pid) => say(`process ${pid} is building in this checkout; waiting for it`),
    action: async () => {
      const inputs = inputsHash();
      if (isCurrent(inputs)) return "built meanwhile";
      say("building");
      const next = join(frontend, "dist.next");
      const vite = join(root, "node_modules", "vite", "bin", "vite.js");
      const args = [vite, "build", "--outDir", next, "--emptyOutDir", "--logLevel", "warn"];
      const { ok, output } = await runQuietly(pinnedNode, args, {
        cwd: frontend,
        env: { ...pinnedEnvironment(), NODE_ENV: "production", NO_COLOR: "1", FORCE_COLOR: "0" },
      });
      if (!ok) throw new SetupError(`The web UI could not be built. The last lines:\n${lastLines(output, 25)}`);
      writeFileSync(join(next, ".ccr-inputs"), inputs);
      rmSync(built, { recursive: true, force: true });
      renameSync(next, built);
      return "built";
    },
  });
};
