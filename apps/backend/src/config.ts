import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { AllowRule, type RetentionRules } from "@ccr/protocol";
import { z } from "zod";
import { type DatabaseAddress, databaseUrl, passwordsOf } from "./config-database.ts";
import { ConfigError } from "./config-error.ts";
import { readGitHosts } from "./config-git-hosts.ts";
import { OPTIONS } from "./config-options.ts";
import type { GitHostSettings } from "./forges/types.ts";
import { isLoopback } from "./loopback.ts";

export { ConfigError, type DatabaseAddress, isLoopback };

const absolutePath = z.string().refine(isAbsolute, "must be an absolute path");
const secret = z
  .string()
  .min(1)
  .regex(/^[\x21-\x7e]+$/, "must not hold spaces or control characters");

/** `host` or `host:port`; port 443 when left out. */
const allowRule = z.string().transform((text, ctx) => {
  const [, host = "", port] = /^(.+?)(?::(\d{1,5}))?$/.exec(text) ?? [];
  const rule = AllowRule.safeParse({ host, ports: [port === undefined ? 443 : Number(port)] });
  if (rule.success) return rule.data;
  ctx.addIssue({ code: "custom", message: `'${text}' is not host or host:port` });
  return z.NEVER;
});

/** A whole number from `least` to `most`. */
const wholeNumber = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, "must be a number")
    .transform(Number)
    .pipe(z.number().min(least, `must be at least ${least}`).max(most, `must be at most ${most}`));

const MAX_DAYS = 36_500;

const list = <Item>(item: z.ZodType<Item, string>, separator: string) =>
  z
    .string()
    .transform((text) =>
      text
        .split(separator)
        .map((part) => part.trim())
        .filter((part) => part !== ""),
    )
    .pipe(z.array(item));

const Environment = z.object({
  HOST: z.string().min(1).default("127.0.0.1"),
  PORT: wholeNumber(0, 65535).default(4100),
  CCR_TOKEN: secret.min(16, "must have at least 16 characters").optional(),
  CCR_PUBLIC_URL: z.url({ protocol: /^https?$/, error: "must be an http or https URL" }).optional(),
  CCR_DATA_DIR: absolutePath.optional(),
  DATABASE_URL: databaseUrl.optional(),
  CCR_DRIVER: z.enum(["auto", "docker", "bubblewrap"], { error: "must be auto, docker or bubblewrap" }).default("auto"),
  CCR_MAX_CONCURRENT_RUNS: wholeNumber(1, 1000).default(4),
  CCR_MAX_RUNS_PER_REPOSITORY: wholeNumber(0, 1000).default(0),
  CCR_MAX_RUNS_PER_TASK: wholeNumber(0, 1000).default(0),
  CCR_MIN_FREE_DISK_MB: wholeNumber(0, 1024 * 1024 * 1024).default(1024),
  CCR_KEEP_RUNS_DAYS: wholeNumber(0, MAX_DAYS).default(0),
  CCR_KEEP_WORK_DAYS: wholeNumber(0, MAX_DAYS).default(30),
  CCR_KEEP_MIRRORS_DAYS: wholeNumber(0, MAX_DAYS).default(30),
  CCR_KEEP_SETUPS_DAYS: wholeNumber(0, MAX_DAYS).default(14),
  CCR_KEEP_SETUPS_MB: wholeNumber(0, 1024 * 1024 * 1024).default(20 * 1024),
  CCR_KEEP_IMAGES: wholeNumber(0, 1000).default(2),
  CCR_LOG: z.enum(["text", "json"], { error: "must be text or json" }).default("text"),
  CCR_LOG_LEVEL: z.enum(["debug", "info", "warn", "error"], { error: "must be debug, info, warn or error" }).default("info"),
  CCR_LOCAL_REPOSITORIES: list(absolutePath, ":").default([]),
  CCR_ALLOWED_HOSTS: list(allowRule, ",").default([]),
  CCR_COMMIT_AUTHOR: z
    .string()
    .regex(/^[^<>\n]{1,200} <[^<>\s@]+@[^<>\s@]+>$/, "must be 'Name <name@example.com>'")
    .default("claude-code-runner <noreply@claude-code-runner.invalid>"),
  CCR_PUSH_SECONDS: wholeNumber(1, 3600).default(300),
  CCR_FOLLOW_SECONDS: wholeNumber(1, 86_400).default(60),
  CCR_PACKAGE_HOSTS: list(allowRule, ",").default([]),
  CCR_BASE_IMAGE: z
    .string()
    .regex(/^[\w][\w./:@-]{0,254}$/, "is not an image's name")
    .optional(),
  CCR_DEVCONTAINER_NETWORK: z.enum(["0", "1"], { error: "must be 0 or 1" }).default("0"),
  CCR_EXTRA_CA_CERTS: absolutePath.optional(),
  ANTHROPIC_API_KEY: secret.optional(),
  CLAUDE_CODE_OAUTH_TOKEN: secret.optional(),
  ANTHROPIC_BASE_URL: z.url({ protocol: /^https?$/, error: "must be an http or https URL" }).optional(),
  GITHUB_TOKEN: secret.optional(),
  GITHUB_APP_ID: z
    .string()
    .regex(/^[\w.-]{1,64}$/, "is not the id of a GitHub App")
    .optional(),
  GITHUB_APP_PRIVATE_KEY: z.string().optional(),
  GITLAB_TOKEN: secret.optional(),
  BITBUCKET_TOKEN: secret.optional(),
  CCR_GIT_HOSTS: absolutePath.optional(),
  DOCKER_HOST: z.string().optional(),
  XDG_DATA_HOME: z.string().optional(),
});

export type ModelCredential = { kind: "api_key" | "oauth_token"; value: string };

export type Config = {
  host: string;
  port: number;
  token: string | null;
  publicUrl: string | null;
  dataDir: string;
  database: DatabaseAddress;
  /** As long as the server's start reads this one. */
  driver: "auto" | "docker" | "bubblewrap";
  maxConcurrentRuns: number;
  /** null: no limit. */
  maxRunsPerRepository: number | null;
  maxRunsPerTask: number | null;
  /** 0: no guard. */
  minFreeDiskMb: number;
  keep: RetentionRules;
  log: { format: "text" | "json"; level: "debug" | "info" | "warn" | "error" };
  /** Everything here that nobody may read, for what hides it in logs. */
  secrets: string[];
  localRepositoryRoots: string[];
  allowedHosts: AllowRule[];
  commitAuthor: { name: string; email: string };
  pushSeconds: number;
  followSeconds: number;
  packageHosts: AllowRule[];
  devcontainerNetwork: boolean;
  baseImage: string | null;
  extraCaCerts: string | null;
  /** null: demo mode. */
  modelCredential: ModelCredential | null;
  modelBaseUrl: string | null;
  /** The names of the variables that were set, of those that mean something here. */
  given: ReadonlySet<string>;
  /** github.com, gitlab.com and bitbucket.org when they have a credential, then those of the file. */
  gitHosts: GitHostSettings[];
  dockerHost: string | null;
  projectRoot: string;
  /** What every process that we start may have of our environment: where programs are, and which certificates to trust. */
  childEnvironment: Record<string, string>;
  /** The whole environment, of which git's part is picked where mirrors are fetched. */
  gitEnvironment: NodeJS.ProcessEnv;
  /** For image builds alone. */
  proxies: Record<string, string>;
  npmRegistry: string | null;
};

export type Invocation = { kind: "help" } | { kind: "start"; config: Config };

const parseOptions = (argv: string[]) => {
  try {
    return parseArgs({
      args: argv,
      options: {
        help: { type: "boolean", short: "h" },
        ...Object.fromEntries(Object.keys(OPTIONS).map((name) => [name, { type: "string" as const }])),
      },
      allowPositionals: false,
    }).values;
  } catch (error) {
    throw new ConfigError(`${error instanceof Error ? error.message.split(". ")[0] : String(error)}. See npm start -- --help.`);
  }
};

/** What the programs that this one starts need of its environment: their tools, whom to trust, and how to be quick and small. */
const CHILD_VARIABLES = [
  "PATH",
  "NODE_EXTRA_CA_CERTS",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "NODE_COMPILE_CACHE",
  "MALLOC_ARENA_MAX",
  "MALLOC_MMAP_THRESHOLD_",
  "MALLOC_TRIM_THRESHOLD_",
] as const;

/** Reads options and environment; options win. Throws `ConfigError` whose message names what is wrong, in one line. */
export const readConfig = (argv: string[], environment: NodeJS.ProcessEnv = process.env): Invocation => {
  const options: Record<string, string | boolean | undefined> = parseOptions(argv);
  if (options.help === true) return { kind: "help" };
  const raw: Record<string, string> = {};
  const givenBy: Record<string, string> = {};
  for (const name of Object.keys(Environment.shape)) {
    const value = environment[name];
    // An empty variable means "not set": that is how compose files and CI systems leave one out.
    if (value !== undefined && value !== "") {
      raw[name] = value;
      givenBy[name] = name;
    }
  }
  for (const [option, [variable]] of Object.entries(OPTIONS)) {
    const value = options[option];
    if (typeof value === "string") {
      raw[variable] = value;
      givenBy[variable] = `--${option}`;
    }
  }
  const parsed = Environment.safeParse(raw);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const variable = String(issue?.path[0] ?? "");
    throw new ConfigError(`${givenBy[variable] ?? variable}: ${issue?.message ?? "is not valid"}. See npm start -- --help.`);
  }
  const env = parsed.data;
  const dataDir = resolve(
    env.CCR_DATA_DIR ?? join(env.XDG_DATA_HOME ?? join(homedir(), ".local", "share"), "claude-code-runner"),
  );
  if (!isLoopback(env.HOST) && env.CCR_TOKEN === undefined) {
    throw new ConfigError(
      `${givenBy.HOST}: '${env.HOST}' can be reached from other machines, so a token must be chosen: set CCR_TOKEN to at least 16 random characters, for instance from 'openssl rand -hex 32'.`,
    );
  }
  if (env.ANTHROPIC_API_KEY !== undefined && env.CLAUDE_CODE_OAUTH_TOKEN !== undefined) {
    throw new ConfigError("ANTHROPIC_API_KEY and CLAUDE_CODE_OAUTH_TOKEN are both set: keep the one that is to be used.");
  }
  // Set for other programs, it need not trouble a server that does not use it. Its value may hold a password.
  if (env.CCR_DRIVER !== "bubblewrap" && env.DOCKER_HOST !== undefined && !/^unix:\/\/\/./.test(env.DOCKER_HOST)) {
    throw new ConfigError(
      "DOCKER_HOST: must be unix:///path/to/docker.sock, for sandboxes share folders and sockets with this server, so the engine must run on this machine; set it so, leave it out, or choose --driver bubblewrap.",
    );
  }
  const git = readGitHosts(env);
  const database: DatabaseAddress = env.DATABASE_URL ?? { kind: "sqlite", path: join(dataDir, "runner.db") };
  return {
    kind: "start",
    config: {
      host: env.HOST,
      port: env.PORT,
      token: env.CCR_TOKEN ?? null,
      publicUrl: env.CCR_PUBLIC_URL ?? null,
      dataDir,
      database,
      driver: env.CCR_DRIVER,
      maxConcurrentRuns: env.CCR_MAX_CONCURRENT_RUNS,
      maxRunsPerRepository: unlessZero(env.CCR_MAX_RUNS_PER_REPOSITORY),
      maxRunsPerTask: unlessZero(env.CCR_MAX_RUNS_PER_TASK),
      minFreeDiskMb: env.CCR_MIN_FREE_DISK_MB,
      keep: {
        runsDays: unlessZero(env.CCR_KEEP_RUNS_DAYS),
        workDays: unlessZero(env.CCR_KEEP_WORK_DAYS),
        mirrorsDays: unlessZero(env.CCR_KEEP_MIRRORS_DAYS),
        setupsDays: unlessZero(env.CCR_KEEP_SETUPS_DAYS),
        setupsMb: unlessZero(env.CCR_KEEP_SETUPS_MB),
        images: unlessZero(env.CCR_KEEP_IMAGES),
      },
      log: { format: env.CCR_LOG, level: env.CCR_LOG_LEVEL },
      secrets: [
        env.CCR_TOKEN,
        env.ANTHROPIC_API_KEY,
        env.CLAUDE_CODE_OAUTH_TOKEN,
        ...git.secrets,
        environment.PGPASSWORD,
        ...[
          raw.DATABASE_URL,
          environment.HTTP_PROXY,
          environment.HTTPS_PROXY,
          environment.http_proxy,
          environment.https_proxy,
        ].flatMap(passwordsOf),
      ].filter((value) => value !== undefined),
      localRepositoryRoots: env.CCR_LOCAL_REPOSITORIES,
      allowedHosts: env.CCR_ALLOWED_HOSTS,
      commitAuthor: readAuthor(env.CCR_COMMIT_AUTHOR),
      pushSeconds: env.CCR_PUSH_SECONDS,
      followSeconds: env.CCR_FOLLOW_SECONDS,
      packageHosts: env.CCR_PACKAGE_HOSTS,
      devcontainerNetwork: env.CCR_DEVCONTAINER_NETWORK === "1",
      baseImage: env.CCR_BASE_IMAGE ?? null,
      // Whoever has to tell Node about an authority is behind the same proxy when the image is built.
      extraCaCerts: env.CCR_EXTRA_CA_CERTS ?? environment.NODE_EXTRA_CA_CERTS ?? null,
      modelCredential:
        env.ANTHROPIC_API_KEY !== undefined
          ? { kind: "api_key", value: env.ANTHROPIC_API_KEY }
          : env.CLAUDE_CODE_OAUTH_TOKEN !== undefined
            ? { kind: "oauth_token", value: env.CLAUDE_CODE_OAUTH_TOKEN }
            : null,
      modelBaseUrl: env.ANTHROPIC_BASE_URL ?? null,
      given: new Set(Object.keys(raw)),
      gitHosts: git.hosts,
      dockerHost: env.DOCKER_HOST ?? null,
      projectRoot: resolve(import.meta.dirname, "../../.."),
      childEnvironment: pick(environment, CHILD_VARIABLES),
      gitEnvironment: environment,
      proxies: pick(environment, ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"]),
      // `npm start` hands on what npm itself is configured to use: people behind a company mirror need it in the image build too.
      npmRegistry: environment.npm_config_registry ?? null,
    },
  };
};

const readAuthor = (text: string): { name: string; email: string } => {
  const [, name = "", email = ""] = /^(.*) <(.*)>$/.exec(text) ?? [];
  return { name, email };
};

const unlessZero = (value: number): number | null => (value === 0 ? null : value);

/** Throws `ConfigError` when a file or folder that the configuration names is not there, or cannot be read. */
export const checkPlaces = async ({
  localRepositoryRoots,
  extraCaCerts,
}: Pick<Config, "localRepositoryRoots" | "extraCaCerts">): Promise<void> => {
  const named = [
    ...localRepositoryRoots.map((path) => ({ by: "CCR_LOCAL_REPOSITORIES", path, mustBeFolder: true })),
    ...(extraCaCerts === null
      ? []
      : [{ by: "CCR_EXTRA_CA_CERTS (or NODE_EXTRA_CA_CERTS)", path: extraCaCerts, mustBeFolder: false }]),
  ];
  for (const { by, path, mustBeFolder } of named) {
    const problem = await problemWith(path, mustBeFolder);
    if (problem !== null) throw new ConfigError(`${by}: ${path} ${problem}. Correct it, or leave it out.`);
  }
};

const problemWith = async (path: string, mustBeFolder: boolean): Promise<string | null> => {
  try {
    const found = await stat(path);
    if (mustBeFolder && !found.isDirectory()) return "is not a folder";
    await access(path, constants.R_OK);
    return null;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : null;
    if (code === "ENOENT" || code === "ENOTDIR") return "does not exist";
    return `cannot be read (${error instanceof Error ? error.message : String(error)})`;
  }
};

const pick = (environment: NodeJS.ProcessEnv, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.flatMap((name) => (environment[name] ? [[name, environment[name]]] : [])));

/** Whether what is printed to a terminal may have colours: see no-color.org. */
export const wantsColours = (environment: NodeJS.ProcessEnv = process.env): boolean => !environment.NO_COLOR;
