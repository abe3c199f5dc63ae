import { lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";

/** What of the host a sandbox is built from. */
export type HostSystem = {
  /** Top folders of programs and libraries that are real folders. */
  folders: string[];
  /** Those that are links, as on systems with everything below /usr. */
  links: { path: string; target: string }[];
  /** Configuration of programs, nothing secret or personal. */
  configuration: string[];
  /** Folders below /usr with a machine's own settings, where tokens may lie. */
  hidden: string[];
};

const TOP = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"] as const;

const CONFIGURATION = [
  "/etc/alternatives",
  "/etc/ca-certificates",
  "/etc/ca-certificates.conf",
  "/etc/crypto-policies",
  "/etc/debian_version",
  "/etc/fonts",
  "/etc/ld.so.cache",
  "/etc/ld.so.conf",
  "/etc/ld.so.conf.d",
  "/etc/localtime",
  "/etc/magic",
  "/etc/mime.types",
  "/etc/os-release",
  "/etc/perl",
  "/etc/pki/ca-trust",
  "/etc/pki/tls/cert.pem",
  "/etc/pki/tls/certs",
  "/etc/protocols",
  "/etc/services",
  "/etc/ssl/cert.pem",
  "/etc/ssl/certs",
  "/etc/ssl/openssl.cnf",
  "/etc/terminfo",
  "/etc/timezone",
] as const;

// Language runtimes keep a part of themselves in /etc.
const RUNTIMES = /^(java-\d|python3)/;

const HIDDEN = ["/usr/etc", "/usr/local/etc"] as const;

/** Looks at what this host has. */
export const readHostSystem = async (): Promise<HostSystem> => {
  const top = await Promise.all(TOP.map(async (path) => ({ path, kind: await kindOf(path) })));
  const runtimes = (await readdir("/etc").catch(() => []))
    .filter((name) => RUNTIMES.test(name))
    .map((name) => join("/etc", name));
  const links = top.filter(({ kind }) => kind === "link").map(async ({ path }) => ({ path, target: await readlink(path) }));
  return {
    folders: top.filter(({ kind }) => kind === "folder").map(({ path }) => path),
    links: await Promise.all(links),
    configuration: await existing([...CONFIGURATION, ...runtimes]),
    hidden: await existing(HIDDEN),
  };
};

const kindOf = async (path: string): Promise<"link" | "folder" | "none"> => {
  const found = await lstat(path).catch(() => null);
  if (found === null) return "none";
  return found.isSymbolicLink() ? "link" : "folder";
};

const existing = async (paths: readonly string[]): Promise<string[]> => {
  const kinds = await Promise.all(paths.map(kindOf));
  return paths.filter((_, index) => kinds[index] !== "none");
};
