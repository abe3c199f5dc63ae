// Keeps package-lock.json good for every machine: node scripts/lock-file.mjs [--write]
//
// npm leaves the packages of other platforms out of the lock file when it cannot see them (a registry mirror without them, or a
// node_modules that is there already), and then `npm ci` refuses that lock file everywhere. What is left out are optional
// packages with an exact version, whose names say what they are for: enough to write their entries down.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./setup/places.mjs";

const lockFile = join(root, "package-lock.json");
const SYSTEMS = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const PROCESSORS = ["arm64", "arm", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "wasm32", "x64"];

/** @typedef {{ version?: string, optional?: boolean, dev?: boolean, os?: string[], cpu?: string[], libc?: string[], optionalDependencies?: Record<string, string> }} Entry */

/**
 * The place of the package that `name` means for the package at `path`, by Node's rules; null: the lock file has none.
 * @param {Record<string, Entry>} packages
 * @param {string} path
 * @param {string} name
 */
const resolveEntry = (packages, path, name) => {
  for (let folder = path; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/")))) {
    const candidate = `${folder === "" ? "" : `${folder}/`}node_modules/${name}`;
    if (packages[candidate] !== undefined) return candidate;
    if (folder === "") return null;
  }
};

/**
 * What a platform package's name says about where it can be installed. Pure.
 * @param {string} name
 * @returns {Pick<Entry, "os" | "cpu" | "libc"> | null} null when the name does not say it
 */
export const platformOf = (name) => {
  const words = name.split(/[-/]/);
  const os = SYSTEMS.find((system) => words.includes(system));
  const cpu = PROCESSORS.find((processor) => words.includes(processor));
  if (cpu === undefined || (os === undefined && cpu !== "wasm32")) return null;
  const libc = words.at(-1)?.startsWith("musl") ? "musl" : words.at(-1)?.startsWith("gnu") ? "glibc" : undefined;
  return { cpu: [cpu], ...(os !== undefined && { os: [os] }), ...(libc !== undefined && { libc: [libc] }) };
};

/**
 * The optional packages that the lock file asks for and does not list. Pure.
 * @param {Record<string, Entry>} packages
 * @returns {{ name: string, version: string, dev: boolean }[]}
 */
export const leftOut = (packages) =>
  Object.entries(packages).flatMap(([path, entry]) =>
    Object.entries(entry.optionalDependencies ?? {})
      .filter(([name]) => resolveEntry(packages, path, name) === null)
      .map(([name, version]) => ({ name, version, dev: entry.dev === true })),
  );

if (process.argv[1] === import.meta.filename) {
  const lock = JSON.parse(readFileSync(lockFile, "utf8"));
  const missing = leftOut(lock.packages);
  const write = process.argv.includes("--write");
  for (const { name, version, dev } of missing) {
    const platform = platformOf(name);
    if (!write || platform === null || !/^\d+\.\d+\.\d+/.test(version)) {
      console.error(
        `package-lock.json lacks ${name}@${version}: npm ci would refuse it. Run: node scripts/lock-file.mjs --write`,
      );
      process.exitCode = 1;
    } else {
      lock.packages[`node_modules/${name}`] = { version, ...platform, ...(dev && { dev }), optional: true };
    }
  }
  if (write && missing.length > 0) {
    const sorted = Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, "en"));
    writeFileSync(lockFile, `${JSON.stringify({ ...lock, packages: Object.fromEntries(sorted) }, null, 2)}\n`);
  }
}
