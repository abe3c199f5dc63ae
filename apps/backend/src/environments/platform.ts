import { readFile } from "node:fs/promises";

/**
 * What of this machine is seen in the sandboxes of a driver: what was set up in one that looks otherwise may not work here. Docker's bring their
 * own system with their image; bubblewrap's have the machine's.
 */
export const platformOf = async (driver: "docker" | "bubblewrap"): Promise<string> => {
  const system = driver === "docker" ? "" : await readFile("/etc/os-release", "utf8").catch(() => "");
  return [driver, process.platform, process.arch, system].join("\n");
};
