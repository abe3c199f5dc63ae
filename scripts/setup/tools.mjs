import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram, lastLines, runQuietly, SetupError } from "./commands.mjs";

/**
 * @typedef {{ program: string, packages: string[], for: string, below?: string }} Tool `below`: a folder with one folder for each version
 *   of the tool, whose `bin` holds the program where PATH does not
 */

/** @type {(tool: Tool) => boolean} */
export const hasTool = ({ program, below }) => findProgram(program, below === undefined ? [] : versionsBelow(below)) !== null;

/** @param {string} folder */
const versionsBelow = (folder) => {
  try {
    return readdirSync(folder).map((version) => join(folder, version, "bin"));
  } catch {
    return [];
  }
};

/** @type {(tools: Tool[]) => Tool[]} */
export const missingTools = (tools) => tools.filter((tool) => !hasTool(tool));

/** @typedef {"apt" | "dnf" | "pacman" | "apk" | "zypper" | "brew" | null} PackageManager */

/**
 * @param {string} osRelease the text of /etc/os-release
 * @returns {PackageManager}
 */
export const packageManagerOf = (osRelease) => {
  const names = [...osRelease.matchAll(/^ID(?:_LIKE)?="?([^"\n]*)"?$/gm)].flatMap((match) => (match[1] ?? "").split(" "));
  for (const name of names) {
    if (name === "debian" || name === "ubuntu") return "apt";
    if (name === "fedora" || name === "rhel") return "dnf";
    if (name === "arch") return "pacman";
    if (name === "alpine") return "apk";
    if (name === "suse" || name === "opensuse") return "zypper";
  }
  return null;
};

/** @returns {PackageManager} */
const thisPackageManager = () => {
  if (process.platform === "darwin") return "brew";
  try {
    return packageManagerOf(readFileSync("/etc/os-release", "utf8"));
  } catch {
    return null;
  }
};

/**
 * The one command by which a person installs the packages.
 * @param {PackageManager} manager
 * @param {string[]} packages with Debian's names
 */
export const installCommand = (manager, packages) => {
  const names = packages.join(" ");
  const commands = {
    apt: `sudo apt-get update && sudo apt-get install -y --no-install-recommends ${names}`,
    dnf: `sudo dnf install -y ${names}`,
    pacman: `sudo pacman -S --noconfirm ${names}`,
    apk: `sudo apk add ${names}`,
    zypper: `sudo zypper install -y ${names}`,
    brew: `brew install ${names}`,
  };
  return manager === null ? `install with your package manager: ${names}` : commands[manager];
};

/** Whether missing tools can be installed without asking: as root, by apt-get. */
export const canInstall = () => thisPackageManager() === "apt" && process.getuid?.() === 0 && findProgram("apt-get") !== null;

/**
 * What a person is told when tools are missing and we may not install them.
 * @param {Tool[]} tools
 */
export const howToInstall = (tools) =>
  `${installCommand(thisPackageManager(), [...new Set(tools.flatMap((tool) => tool.packages))])}`;

/**
 * Installs the packages of the given tools with apt-get, as root. Waits for another apt-get to end.
 * @param {Tool[]} tools
 */
export const installTools = async (tools) => {
  const packages = [...new Set(tools.flatMap((tool) => tool.packages))];
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const wait = ["-o", "DPkg::Lock::Timeout=300"];
  const update = await runQuietly("apt-get", ["update", ...wait], { env });
  const install = await runQuietly("apt-get", ["install", "-y", "--no-install-recommends", ...wait, ...packages], { env });
  const missing = missingTools(tools);
  if (install.ok && missing.length === 0) return;
  const output = install.ok ? `${missing.map(({ program }) => program).join(", ")} still missing` : install.output;
  const hint = update.ok ? "" : `\n  apt-get update failed before that:\n${lastLines(update.output, 5)}`;
  throw new SetupError(
    `apt-get could not install ${packages.join(" ")}:\n${lastLines(output)}${hint}\n  Put that right, or install them by hand, then run this again.`,
  );
};
