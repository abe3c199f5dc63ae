import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { AllowRule } from "@ccr/protocol";

const run = promisify(execFile);

const ASK_WITHIN_MS = 15_000;
const FILE_MAX_CHARACTERS = 256 * 1024;

/** Programs that say from where they install. What they print is looked through for addresses. */
const ASKED = [
  ["npm", ["config", "get", "registry"]],
  ["go", ["env", "GOPROXY", "GOSUMDB"]],
  ["pip3", ["config", "list"]],
  // Where it looks unless it is told otherwise, which its settings do not say.
  ["python3", ["-c", "from pip._internal.models.index import PyPI; print(PyPI.url, f'https://{PyPI.file_storage_domain}/')"]],
] as const;

/** Settings of package managers, below the root, and below the home of the server's user. */
const FILES = ["/etc/apt/sources.list", "/etc/pip.conf", "/etc/npmrc"] as const;
const FOLDERS = ["/etc/apt/sources.list.d"] as const;
const HOME_FILES = [
  ".npmrc",
  ".config/pip/pip.conf",
  ".pip/pip.conf",
  ".cargo/config.toml",
  ".m2/settings.xml",
  ".gemrc",
  ".yarnrc.yml",
] as const;

/** The hosts of the http addresses in a text, each with its port. Pure. */
export const hostsIn = (text: string): AllowRule[] => {
  const found = new Map<string, AllowRule>();
  for (const [address] of text.matchAll(/https?:\/\/[^\s"'<>\\,;|]+/g)) {
    const url = URL.parse(address);
    if (url === null) continue;
    const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
    const rule = AllowRule.safeParse({ host: url.hostname, ports: [port] });
    if (rule.success) found.set(`${rule.data.host}:${port}`, rule.data);
  }
  return [...found.values()];
};

/** One rule for each host. Pure. */
const joined = (rules: readonly AllowRule[]): AllowRule[] => {
  const ports = new Map<string, Set<number>>();
  for (const rule of rules) {
    const known = ports.get(rule.host) ?? new Set();
    for (const port of rule.ports) known.add(port);
    ports.set(rule.host, known);
  }
  return [...ports]
    .map(([host, all]) => ({ host, ports: [...all].sort((a, b) => a - b) }))
    .sort((a, b) => (a.host < b.host ? -1 : 1));
};

/**
 * The hosts from which the package managers of this machine install, as they are set here, and `further` ones: people behind a mirror of their
 * own get that. Looked for once, when it is asked for first. Never rejects: what is not there, or does not answer, adds nothing.
 */
export const createPackageHosts = (options: {
  environment: Readonly<Record<string, string | undefined>>;
  further: readonly AllowRule[];
}): (() => Promise<AllowRule[]>) => {
  const { environment, further } = options;
  const home = environment.HOME ?? "/nonexistent";
  const read = async (path: string): Promise<string> =>
    (await readFile(path, "utf8").catch(() => "")).slice(0, FILE_MAX_CHARACTERS);
  const look = async (): Promise<AllowRule[]> => {
    const listed = await Promise.all(
      FOLDERS.map(async (folder) => (await readdir(folder).catch((): string[] => [])).map((name) => join(folder, name))),
    );
    const texts = await Promise.all([
      ...[...FILES, ...listed.flat(), ...HOME_FILES.map((name) => join(home, name))].map(read),
      ...ASKED.map(([program, args]) =>
        run(program, [...args], { timeout: ASK_WITHIN_MS, cwd: "/", env: { ...environment } }).then(
          ({ stdout }) => stdout,
          () => "",
        ),
      ),
    ]);
    const variables = ["npm_config_registry", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "GOPROXY"].map(
      (name) => environment[name] ?? "",
    );
    // The sum database of Go is named without its scheme.
    const sums = texts.flatMap((text) => text.split("\n")).filter((line) => /^sum\.[a-z0-9.-]+$/.test(line));
    return joined([...further, ...[...texts, ...variables, ...sums.map((host) => `https://${host}/`)].flatMap(hostsIn)]);
  };
  let found: Promise<AllowRule[]> | null = null;
  return () => {
    found ??= look();
    return found;
  };
};
