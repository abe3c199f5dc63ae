import { createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { isAbsolute } from "node:path";
import { z } from "zod";
import { ConfigError } from "./config-error.ts";
import type { GitHostCredential, GitHostKind, GitHostSettings } from "./forges/types.ts";
import { isLoopback } from "./loopback.ts";

/** What the environment says of git hosts. */
export interface GitHostVariables {
  GITHUB_TOKEN?: string | undefined;
  GITHUB_APP_ID?: string | undefined;
  GITHUB_APP_PRIVATE_KEY?: string | undefined;
  GITLAB_TOKEN?: string | undefined;
  BITBUCKET_TOKEN?: string | undefined;
  /** The path of a file. */
  CCR_GIT_HOSTS?: string | undefined;
}

/** Reads a file, or says in a word why that is not possible. */
const readText = (by: string, path: string): string => {
  if (!isAbsolute(path)) throw new ConfigError(`${by}: must be an absolute path.`);
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    const why = code === "ENOENT" || code === "ENOTDIR" ? "does not exist" : `cannot be read (${code})`;
    throw new ConfigError(`${by}: ${path} ${why}.`);
  }
};

/** Takes a key, or finds it in a file. None of the sentences may hold what was given: it could be the key. */
const readPrivateKey = (by: string, given: string): string => {
  // A line break in a variable is often written as two characters.
  const isKey = given.trimStart().startsWith("-----BEGIN");
  const pem = isKey ? given.replaceAll("\\n", "\n") : readText(by, given.trim());
  try {
    createPrivateKey(pem);
  } catch {
    throw new ConfigError(`${by}: this is no private key in PEM form. Give the whole file that the host made for the App.`);
  }
  return pem;
};

// What programs that send a header allow in it.
const TOKEN = /^[\x21-\x7e]+$/;

const readToken = (by: string, given: string): string => {
  const token = given.trim();
  if (!TOKEN.test(token)) throw new ConfigError(`${by}: a token has no spaces or control characters, and is not empty.`);
  return token;
};

const HOST = /^([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:\d{1,5})?$/;

/** What the address of an API ends with; null: with anything. */
const API_ENDS = { github: null, gitlab: "/api/v4", gitea: "/api/v1", bitbucket: "/2.0" } as const;

const Entry = z.strictObject({
  host: z.string().toLowerCase().regex(HOST, "must be a host name, with a port where that is not the usual one"),
  kind: z.enum(["github", "gitlab", "gitea", "bitbucket"], { error: "must be github, gitlab, gitea or bitbucket" }),
  apiUrl: z.string().optional(),
  token: z.string().optional(),
  tokenFile: z.string().optional(),
  username: z
    .string()
    .regex(/^[^\s:]+$/, "must be a name without a space or a colon")
    .optional(),
  appId: z.union([z.string().regex(/^[\w.-]{1,64}$/), z.number().int().positive().transform(String)]).optional(),
  privateKeyFile: z.string().optional(),
});
type Entry = z.infer<typeof Entry>;

const readApiUrl = (by: string, kind: GitHostKind, given: string): string => {
  const url = URL.parse(given);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "" || url.search !== "" || url.hash !== "")
    throw new ConfigError(`${by}: apiUrl must be an https URL without a user, a query or a fragment.`);
  if (url.protocol === "http:" && !isLoopback(url.hostname.replace(/^\[|\]$/g, "")))
    throw new ConfigError(`${by}: apiUrl must begin with https, for over http others can read the token on its way.`);
  const end = API_ENDS[kind];
  if (end !== null && !url.pathname.replace(/\/+$/, "").endsWith(end))
    throw new ConfigError(`${by}: apiUrl must end in ${end} for a host of kind ${kind}.`);
  return given;
};

const readCredential = (by: string, entry: Entry): GitHostCredential | null => {
  const { kind, token, tokenFile, username = null, appId, privateKeyFile } = entry;
  if (appId !== undefined || privateKeyFile !== undefined) {
    if (kind !== "github") throw new ConfigError(`${by}: only hosts of kind github have Apps. Give a token instead.`);
    if (appId === undefined || privateKeyFile === undefined)
      throw new ConfigError(`${by}: an App needs both appId and privateKeyFile.`);
    if (token !== undefined || tokenFile !== undefined || username !== null)
      throw new ConfigError(`${by}: there is a token and an App. Keep the one that is to be used.`);
    return { kind: "app", appId, privateKey: readPrivateKey(`${by}: privateKeyFile`, privateKeyFile) };
  }
  if (token !== undefined && tokenFile !== undefined)
    throw new ConfigError(`${by}: token and tokenFile are both there. Keep the one that is to be used.`);
  if (token !== undefined) return { kind: "token", username, token: readToken(`${by}: token`, token) };
  if (tokenFile !== undefined)
    return { kind: "token", username, token: readToken(`${by}: tokenFile`, readText(`${by}: tokenFile`, tokenFile)) };
  if (username !== null) throw new ConfigError(`${by}: there is a username without a token.`);
  return null;
};

const readFile = (path: string): GitHostSettings[] => {
  const by = "CCR_GIT_HOSTS";
  let list: unknown;
  try {
    list = JSON.parse(readText(by, path));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    // The parser's own words quote the file, and there may be tokens in it.
    throw new ConfigError(`${by}: ${path} is not JSON.`);
  }
  if (!Array.isArray(list)) throw new ConfigError(`${by}: ${path} must hold a list: [{"host": …, "kind": …, "token": …}].`);
  return list.map((item: unknown, index) => {
    const where = `${by}: entry ${index + 1}`;
    const read = Entry.safeParse(item);
    if (!read.success) {
      const issue = read.error.issues[0];
      const field = issue === undefined || issue.path.length === 0 ? "" : `${issue.path.join(".")} `;
      throw new ConfigError(`${where}: ${field}${issue?.message ?? "is not valid"}.`);
    }
    const { host, kind, apiUrl } = read.data;
    const named = `${where} (${host})`;
    return {
      host: host.replace(/:443$/, ""),
      kind,
      apiUrl: apiUrl === undefined ? null : readApiUrl(named, kind, apiUrl),
      credential: readCredential(named, read.data),
    };
  });
};

const usual = (host: string, kind: GitHostKind, credential: GitHostCredential): GitHostSettings => ({
  host,
  kind,
  apiUrl: null,
  credential,
});

const readGitHub = (given: GitHostVariables): GitHostSettings[] => {
  const { GITHUB_TOKEN: token, GITHUB_APP_ID: appId, GITHUB_APP_PRIVATE_KEY: key } = given;
  if ((appId === undefined) !== (key === undefined))
    throw new ConfigError("GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY belong together: set both, or neither.");
  if (token !== undefined && appId !== undefined)
    throw new ConfigError("GITHUB_TOKEN and GITHUB_APP_ID are both set: keep the one that is to be used.");
  if (token !== undefined) return [usual("github.com", "github", { kind: "token", username: null, token })];
  if (appId === undefined || key === undefined) return [];
  return [usual("github.com", "github", { kind: "app", appId, privateKey: readPrivateKey("GITHUB_APP_PRIVATE_KEY", key) })];
};

/** `user:token`, or a token alone; a token has no colon. */
const readBitbucket = (text: string): GitHostCredential => {
  const [, username = null, token = ""] = /^(?:([^:]+):)?(.+)$/.exec(text) ?? [];
  return { kind: "token", username, token };
};

const secretsOf = (credential: GitHostCredential | null): string[] => {
  if (credential === null) return [];
  return [credential.kind === "token" ? credential.token : credential.privateKey];
};

/** Reads which git hosts are known, and the secrets among that. Throws `ConfigError` whose message names what is wrong, in one line. */
export const readGitHosts = (given: GitHostVariables): { hosts: GitHostSettings[]; secrets: string[] } => {
  const { GITLAB_TOKEN: gitlab, BITBUCKET_TOKEN: bitbucket, CCR_GIT_HOSTS: path } = given;
  const hosts = [
    ...readGitHub(given),
    ...(gitlab === undefined ? [] : [usual("gitlab.com", "gitlab", { kind: "token", username: null, token: gitlab })]),
    ...(bitbucket === undefined ? [] : [usual("bitbucket.org", "bitbucket", readBitbucket(bitbucket))]),
    ...(path === undefined ? [] : readFile(path)),
  ];
  const twice = hosts.find(({ host }, index) => hosts.findIndex((other) => other.host === host) !== index);
  if (twice !== undefined)
    throw new ConfigError(
      `CCR_GIT_HOSTS: ${twice.host} has a credential twice, here or in a variable. Keep the one that is to be used.`,
    );
  return { hosts, secrets: hosts.flatMap(({ credential }) => secretsOf(credential)) };
};
