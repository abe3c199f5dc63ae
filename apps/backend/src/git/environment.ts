import type { RepositoryAddress } from "@ccr/protocol";
import type { GitCredential } from "./credentials.ts";

/** What git is allowed to see of the server's own environment: where programs, keys, proxies and certificates are. */
const PASSED_ON = ["PATH", "HOME", "USER", "SSH_AUTH_SOCK", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "CURL_CA_BUNDLE"];
const PROXIES = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"];
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/homebrew/bin";

export interface GitEnvironmentOptions {
  address: RepositoryAddress;
  /** The addresses that the host was checked to have; git dials no others. */
  pinned: readonly string[];
  /** Shown to the address's own host when it asks, over http(s). */
  credential: GitCredential | null;
  /** A file with settings that even git's helpers on a local path read; null for none. */
  globalConfig: string | null;
  server: Readonly<Record<string, string | undefined>>;
  /** An http(s) transfer that is slower than 1,000 bytes a second for this long is given up. */
  stallSeconds: number;
}

const USERNAME = "CCR_GIT_USERNAME";
const PASSWORD = "CCR_GIT_PASSWORD";

/** The place for which git looks up a credential, and no other. */
const originOf = (address: RepositoryAddress): string | null => {
  if (address.transport !== "http" && address.transport !== "https") return null;
  const usual = address.transport === "https" ? 443 : 80;
  return `${address.transport}://${address.host}${address.port === usual ? "" : `:${address.port}`}`;
};

// fsck finds what is made to attack a later checkout. These are the old tools' harmless mistakes; real repositories are full of them.
export const HARMLESS = [
  "zeroPaddedFilemode",
  "missingSpaceBeforeDate",
  "badTimezone",
  "badDateOverflow",
  "missingEmail",
  "missingSpaceBeforeEmail",
];

const settings = ({ address, pinned, credential, stallSeconds }: GitEnvironmentOptions): [string, string][] => {
  const origin = originOf(address);
  const allowed = address.transport === "local" ? "file" : address.transport;
  return [
    ["protocol.allow", "never"],
    [`protocol.${allowed}.allow`, "always"],
    ["core.hooksPath", "/dev/null"],
    ["core.fsmonitor", "false"],
    ["submodule.recurse", "false"],
    ["fetch.recurseSubmodules", "false"],
    // One file for each fetch, however small; and nothing is repacked under a sandbox that is reading.
    ["fetch.unpackLimit", "1"],
    ["gc.auto", "0"],
    ["maintenance.auto", "false"],
    ["fetch.fsckObjects", "true"],
    ...HARMLESS.map((name): [string, string] => [`fetch.fsck.${name}`, "ignore"]),
    // A redirect could lead anywhere; `redirects.ts` follows them, with every host checked.
    ["http.followRedirects", "false"],
    ["http.lowSpeedLimit", "1000"],
    ["http.lowSpeedTime", String(stallSeconds)],
    ...(pinned.length > 0 && (address.transport === "http" || address.transport === "https") && !address.host.startsWith("[")
      ? [["http.curloptResolve", `${address.host}:${address.port}:${pinned.join(",")}`] satisfies [string, string]]
      : []),
    ["credential.helper", ""],
    ...(credential !== null && origin !== null
      ? [
          [
            `credential.${origin}.helper`,
            // printf is the shell's own: the password is in no process's arguments.
            `!f() { test "$1" = get && printf 'username=%s\\npassword=%s\\n' "$${USERNAME}" "$${PASSWORD}"; }; f`,
          ] satisfies [string, string],
        ]
      : []),
  ];
};

/** Whether git would go through a proxy, which then resolves the host's name itself. */
export const usesProxy = (address: RepositoryAddress, server: Readonly<Record<string, string | undefined>>): boolean => {
  if (address.transport !== "http" && address.transport !== "https") return false;
  const find = (name: string) => server[name] || server[name.toUpperCase()];
  const proxy = (address.transport === "https" ? find("https_proxy") : server.http_proxy) || find("all_proxy");
  if (proxy === undefined || proxy === "") return false;
  const exempt = (find("no_proxy") ?? "").split(",").map((entry) => entry.trim().replace(/^\*?\./, ""));
  return !exempt.some(
    (entry) => entry === "*" || (entry !== "" && (address.host === entry || address.host.endsWith(`.${entry}`))),
  );
};

/**
 * The whole environment of a git command on `address`. Nothing of the machine's or the user's git settings applies; only the one
 * transport is allowed; and the credential is for the address's own host alone. Pure.
 */
export const gitEnvironment = (options: GitEnvironmentOptions): Record<string, string> => {
  const { address, credential, globalConfig, server } = options;
  const environment: Record<string, string> = {
    PATH: DEFAULT_PATH,
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: globalConfig ?? "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
    GIT_NO_LAZY_FETCH: "1",
    GIT_SSH_VARIANT: "ssh",
    // The first key that a host shows is kept and a changed one refused: nobody is there to ask, and a first meeting gives away nothing
    // but what the key's owner may read anyway.
    GIT_SSH_COMMAND:
      "ssh -o BatchMode=yes -o StrictHostKeyChecking=accept-new -o ConnectTimeout=20 -o ServerAliveInterval=15 -o ServerAliveCountMax=4 -o ClearAllForwardings=yes -o PermitLocalCommand=no -o ControlMaster=no -o ControlPath=none",
  };
  for (const name of [...PASSED_ON, ...PROXIES]) {
    const value = server[name];
    if (value !== undefined && value !== "") environment[name] = value;
  }
  const pairs = settings(options);
  environment.GIT_CONFIG_COUNT = String(pairs.length);
  for (const [index, [key, value]] of pairs.entries()) {
    environment[`GIT_CONFIG_KEY_${index}`] = key;
    environment[`GIT_CONFIG_VALUE_${index}`] = value;
  }
  if (credential !== null && originOf(address) !== null) {
    environment[USERNAME] = credential.username;
    environment[PASSWORD] = credential.password;
  }
  return environment;
};
