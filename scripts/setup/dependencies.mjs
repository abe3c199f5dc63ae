import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lastLines, runQuietly, SetupError } from "./commands.mjs";
import { withLock } from "./lock.mjs";
import { pinnedNode, root, setupLock } from "./places.mjs";

const lockFile = join(root, "package-lock.json");
const stampFile = join(root, "node_modules", ".ccr-installed");
const installedFile = join(root, "node_modules", ".package-lock.json");

/** Clear lines for a machine whose Node or npm is too old; an empty list when both will do. */
export const tooOld = () => {
  const problems = [];
  if (Number(process.versions.node.split(".")[0]) < 20)
    problems.push(
      `Node ${process.versions.node} is too old: install Node 20 or newer (it only starts the project, which brings its own Node).`,
    );
  const npm = npmVersion();
  if (npm !== null && Number(npm.split(".")[0]) < 9)
    problems.push(`npm ${npm} is too old: install npm 9 or newer (npm install --global npm@10).`);
  if (process.platform === "win32") problems.push("Windows is not supported: use a Linux distribution under WSL 2.");
  return problems;
};

/** The npm that started us, as it says itself; null when we were started without npm. */
export const npmVersion = () => /\bnpm\/(\d\S*)/.exec(process.env.npm_config_user_agent ?? "")?.[1] ?? null;

/** @param {string} text */
const fingerprint = (text) => createHash("sha256").update(`${process.platform} ${process.arch}\n${text}`).digest("hex");

/** @param {string} path */
const readIfThere = (path) => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
};

/**
 * Whether what npm says it has installed is what the lock file asks for: true after `npm install`, too, by which a
 * developer adds a dependency, so that nothing is installed twice. Pure.
 * @param {string} lockText
 * @param {string | null} installedText npm's own record in node_modules
 */
export const isInstalled = (lockText, installedText) => {
  if (installedText === null) return false;
  const wanted = JSON.parse(lockText).packages;
  const installed = JSON.parse(installedText).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.includes("node_modules/")) return true; // our own folders
    const there = installed[path];
    if (there !== undefined) return there.version === entry.version && there.link === entry.link;
    return entry.optional === true; // for another platform, or not to be had here: npm has judged that
  });
};

/** Whether a start has nothing to install: a comparison of two hashes, milliseconds. */
export const dependenciesAreCurrent = () => {
  const lockText = readIfThere(lockFile);
  return lockText !== null && readIfThere(stampFile) === fingerprint(lockText) && existsSync(pinnedNode);
};

/**
 * Installs exactly what the lock file says, when it is not there yet. Concurrent calls install once.
 * @param {(text: string) => void} say
 * @returns {Promise<string>} what was done, for people
 */
export const ensureDependencies = async (say) => {
  if (dependenciesAreCurrent()) return "as package-lock.json says";
  return withLock(setupLock, {
    waiting: (pid) => say(`process ${pid} is installing in this checkout; waiting for it`),
    action: async () => {
      if (dependenciesAreCurrent()) return "installed meanwhile";
      const lockText = readFileSync(lockFile, "utf8");
      const present = existsSync(pinnedNode) && isInstalled(lockText, readIfThere(installedFile));
      if (!present) {
        say("installing with npm ci; the first time takes about half a minute");
        await install();
      }
      writeFileSync(stampFile, fingerprint(lockText));
      return present ? "as package-lock.json says" : "installed";
    },
  });
};

const TRIES = 3;
const CUT = /ECONNRESET|ETIMEDOUT|EAI_AGAIN|ERR_SOCKET_TIMEOUT|network aborted/;

const install = async () => {
  // Whoever has NODE_ENV=production set wants the server, and the server's page is built with development dependencies.
  const npm = (/** @type {string[]} */ ...args) => {
    const started = process.env.npm_execpath;
    const options = { cwd: root, env: { ...process.env, npm_config_include: "dev optional" } };
    return started?.endsWith(".js")
      ? runQuietly(process.execPath, [started, ...args], options)
      : runQuietly("npm", args, options);
  };
  for (let tries = 1; ; tries++) {
    const { ok, output } = await npm("ci", "--no-audit", "--no-fund", "--include=dev", "--include=optional", "--loglevel=error");
    if (ok) break;
    // npm itself tries again only before a download has begun; what arrived before a cut is in its cache.
    if (tries >= TRIES || !CUT.test(output)) throw new SetupError(installFailed(output));
  }
  if (existsSync(pinnedNode)) return;
  // The package that brings Node fetches it in its install script, and this machine's npm runs no install scripts.
  const rebuilt = await npm("rebuild", "node", "--ignore-scripts=false", "--no-audit", "--no-fund");
  if (!existsSync(pinnedNode))
    throw new SetupError(
      `npm did not fetch the pinned Node: ${pinnedNode} is missing.\n${lastLines(rebuilt.output)}\n  Allow install scripts of the package "node" (npm config get ignore-scripts), then run this again.`,
    );
};

/** @param {string} output */
const installFailed = (output) => {
  const why = /ENOSPC/.test(output)
    ? "The disk is full: free about 2 GB, then run this again."
    : /ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|ECONNRESET/.test(output)
      ? "The package registry could not be reached: check the network (npm ping), then run this again; npm goes on where it stopped."
      : /EACCES|EPERM/.test(output)
        ? `Files in ${root} cannot be written: make them yours (chown), then run this again.`
        : "Run `npm ci` by hand for the whole output, then run this again.";
  return `npm ci failed. Its last lines:\n${lastLines(output)}\n  ${why}`;
};
