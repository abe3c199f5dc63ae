import { z } from "zod";
import { AgentHosts } from "./allowed-hosts.ts";
import { AllowRule } from "./gateway.ts";
import { EnvironmentId, RunId, Timestamp } from "./ids.ts";

export const ENVIRONMENT_NAME_MAX = 200;
/** In bytes: the kernel takes 128 KiB as one argument, and some of it is needed around the script. */
export const SETUP_SCRIPT_MAX_BYTES = 64 * 1024;
export const SETUP_SECONDS = { least: 5, most: 24 * 3600, usual: 1800 } as const;
/** What is shorter cannot be masked without hiding half a transcript, nor looked for in files. */
export const SECRET_LEAST_CHARACTERS = 8;
const SECRET_MOST_CHARACTERS = 32 * 1024;
const VALUE_MOST_CHARACTERS = 32 * 1024;
const NAMES_MAX = 100;

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

/** What an image, and all that is set up on it, is made for: none of these may be changed by an environment, since the sandbox needs them. */
const TAKEN = /^(EXECUTOR_|CCR_|ANTHROPIC_|CLAUDE)|^(HOME|USER|PWD|SHLVL|_|(HTTP|HTTPS|NO|ALL)_PROXY)$/i;

/** The name of a variable, also of a secret. */
export const VariableName = z
  .string()
  .max(200, "the name of a variable is longer than 200 characters")
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "the name of a variable has letters, digits and '_', and does not begin with a digit")
  .refine((name) => !TAKEN.test(name), "this variable belongs to the sandbox and cannot be set; choose another name");

const withoutNul = (text: string): boolean => !text.includes("\0");

/** An image's reference as engines take it: never an option, and no place of this machine. */
export const ImageName = z
  .string()
  .trim()
  .regex(/^[a-z0-9][\w./:@-]{0,254}$/i, "is not an image's name: give it as 'name', 'name:tag' or 'host/name:tag'");

const RelativePath = z
  .string()
  .trim()
  .min(1)
  .max(500)
  .regex(/^[^\0\r\n]*$/, "must be one line")
  .refine((path) => !path.startsWith("/") && !path.split("/").includes(".."), "must be a path inside of the repository");

/**
 * What a run's sandboxes are made from: this server's own image; one that a person names; or the one that the repository's `devcontainer.json`
 * describes (`path` when it is not in its usual place).
 */
export const EnvironmentImage = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("default") }),
  z.strictObject({ kind: z.literal("named"), name: ImageName }),
  z.strictObject({ kind: z.literal("devcontainer"), path: RelativePath.optional() }),
]);
export type EnvironmentImage = z.infer<typeof EnvironmentImage>;

/** `packages`: the hosts that the package managers of the server's machine are set to use, and those of `CCR_PACKAGE_HOSTS`. */
export const NETWORK_PRESETS = ["none", "packages"] as const;
export const NetworkPreset = z.enum(NETWORK_PRESETS);
export type NetworkPreset = z.infer<typeof NetworkPreset>;

/** Files that say what is installed: what the set-up made is made anew when one of them changes. */
export const DEFAULT_CACHE_KEYS = [
  "**/package.json",
  "**/package-lock.json",
  "**/npm-shrinkwrap.json",
  "**/pnpm-lock.yaml",
  "**/pnpm-workspace.yaml",
  "**/yarn.lock",
  "**/bun.lock",
  "**/.npmrc",
  "**/requirements*.txt",
  "**/constraints*.txt",
  "**/pyproject.toml",
  "**/setup.cfg",
  "**/setup.py",
  "**/poetry.lock",
  "**/uv.lock",
  "**/Pipfile",
  "**/Pipfile.lock",
  "**/go.mod",
  "**/go.sum",
  "**/Cargo.toml",
  "**/Cargo.lock",
  "**/Gemfile",
  "**/Gemfile.lock",
  "**/composer.json",
  "**/composer.lock",
  "**/pom.xml",
  "**/*.gradle",
  "**/*.gradle.kts",
  "**/gradle.lockfile",
  "**/libs.versions.toml",
  "**/*.csproj",
  "**/packages.lock.json",
  "**/mix.lock",
  "**/.tool-versions",
  "**/.nvmrc",
  "**/.node-version",
  "**/.python-version",
  "**/rust-toolchain*",
] as const;

/** What is run once, in a sandbox of its own on a clean checkout, before an agent gets what it leaves. */
export const Setup = z.strictObject({
  /** Run with `bash -e` as the sandbox's plain user. */
  script: z
    .string()
    .refine((script) => script.trim() !== "", "the script is empty: write one, or leave the set-up out")
    .refine(withoutNul, "the script holds a NUL character")
    .refine(
      (script) => bytesOf(script) <= SETUP_SCRIPT_MAX_BYTES,
      `the script is longer than ${SETUP_SCRIPT_MAX_BYTES / 1024} KiB; put it into a file of the repository and run that`,
    ),
  /** What it may reach: this and nothing else, whatever the agent may. */
  network: NetworkPreset.default("none"),
  allowedHosts: z.array(AllowRule).max(200, "at most 200 hosts fit").default([]),
  /** It may take this long. */
  seconds: z
    .number("must be a number of seconds")
    .int("must be a whole number of seconds")
    .min(SETUP_SECONDS.least, `must be at least ${SETUP_SECONDS.least} seconds`)
    .max(SETUP_SECONDS.most, `must be at most ${SETUP_SECONDS.most.toLocaleString("en")} seconds`)
    .default(SETUP_SECONDS.usual),
  /**
   * Files of the repository, as patterns with `*`, `**` and `?`, on whose content it depends, beside those that the script names. What it left is
   * used again as long as none of them changes. None: every commit is set up for itself.
   */
  cacheKeys: z
    .array(RelativePath)
    .max(100, "at most 100 patterns fit")
    .default([...DEFAULT_CACHE_KEYS]),
});
export type Setup = z.infer<typeof Setup>;

/** Values by the names of variables. What is wrong with a name is said of that name. */
const byName = <Value extends z.ZodType>(value: Value, what: string) =>
  z.record(z.string(), value).superRefine((values, ctx) => {
    const names = Object.keys(values);
    if (names.length > NAMES_MAX) ctx.addIssue({ code: "custom", message: `at most ${NAMES_MAX} ${what} fit` });
    for (const name of names)
      for (const { message } of VariableName.safeParse(name).error?.issues ?? [])
        ctx.addIssue({ code: "custom", path: [name], message });
  });

const Variables = byName(
  z
    .string()
    .max(VALUE_MOST_CHARACTERS, `a value is longer than ${VALUE_MOST_CHARACTERS.toLocaleString("en")} characters`)
    .refine(withoutNul, "a value holds a NUL character"),
  "variables",
);

const EnvironmentName = z
  .string()
  .trim()
  .min(1, "the name is empty: give the environment a name")
  .max(ENVIRONMENT_NAME_MAX, `the name is longer than ${ENVIRONMENT_NAME_MAX} characters`);

/** What runs need beyond their repository. */
export const Environment = z.object({
  id: EnvironmentId,
  name: z.string(),
  image: EnvironmentImage,
  setup: Setup.nullable(),
  /** What its agents and their checks may reach beside the model and what the server allows every run; the set-up has its own. */
  network: NetworkPreset,
  /** Further hosts for the same. */
  allowedHosts: z.array(AllowRule),
  /** Plain values for the agent, the checks and the set-up; who may read runs may read them. */
  variables: z.record(z.string(), z.string()),
  /** What the set-up alone is given; no answer ever holds a value. */
  secretNames: z.array(z.string()),
  /** Raised when everything is to be made anew. */
  generation: z.number().int().nonnegative(),
  /** Raised by each save that changes something; secrets, and that it is made anew, are no part of that. */
  version: z.number().int().min(1),
  createdAt: Timestamp,
  updatedAt: Timestamp,
});
export type Environment = z.infer<typeof Environment>;

/** What an environment has that was saved before its agents could reach anything of their own. */
export const NO_NETWORK: Pick<Environment, "network" | "allowedHosts"> = { network: "none", allowedHosts: [] };

/** An environment as it was when the run was created: what is changed later does not change the run. */
export const RunEnvironment = Environment.omit({ version: true, createdAt: true, updatedAt: true });
export type RunEnvironment = z.infer<typeof RunEnvironment>;

/** `missingSecrets`: those that this server has no value of. */
export const EnvironmentView = Environment.extend({ missingSecrets: z.array(z.string()) });
export type EnvironmentView = z.infer<typeof EnvironmentView>;

export const CreateEnvironmentInput = z.strictObject({
  name: EnvironmentName,
  image: EnvironmentImage.default({ kind: "default" }),
  setup: Setup.nullable().default(null),
  network: NetworkPreset.default("none"),
  allowedHosts: AgentHosts.default([]),
  variables: Variables.default({}),
});
export type CreateEnvironmentInput = z.infer<typeof CreateEnvironmentInput>;

/** A field that is left out stays as it is. */
export const UpdateEnvironmentInput = z.strictObject({
  id: EnvironmentId,
  name: EnvironmentName.optional(),
  image: EnvironmentImage.optional(),
  setup: Setup.nullable().optional(),
  network: NetworkPreset.optional(),
  allowedHosts: AgentHosts.optional(),
  variables: Variables.optional(),
  /** The version from which the change began: when another one was saved since, nothing is, and the answer is a `conflict`. */
  expectedVersion: z.number().int().min(1).optional(),
});
export type UpdateEnvironmentInput = z.infer<typeof UpdateEnvironmentInput>;

const SecretValue = z
  .string()
  .min(
    SECRET_LEAST_CHARACTERS,
    `a secret has at least ${SECRET_LEAST_CHARACTERS} characters: what is shorter cannot be kept out of what is shown`,
  )
  .max(SECRET_MOST_CHARACTERS, `a secret has at most ${SECRET_MOST_CHARACTERS.toLocaleString("en")} characters`)
  .refine(withoutNul, "a secret holds a NUL character");

/** Values by the names of the variables in which the set-up gets them; null takes one away. Those that are left out stay. */
export const SetSecretsInput = z.strictObject({
  id: EnvironmentId,
  secrets: byName(SecretValue.nullable(), "secrets").refine(
    (secrets) => Object.keys(secrets).length > 0,
    "name at least one secret",
  ),
});
export type SetSecretsInput = z.infer<typeof SetSecretsInput>;

/** The environment of runs against a repository whose launch and task name none; null: none. */
export const SetDefaultEnvironmentInput = z.strictObject({
  repository: z.string().trim().min(1, "the repository is empty: give owner/name, a URL or a local path").max(2048),
  environmentId: EnvironmentId.nullable(),
});
export type SetDefaultEnvironmentInput = z.infer<typeof SetDefaultEnvironmentInput>;

export const DefaultEnvironment = z.object({ repository: z.string(), environmentId: EnvironmentId });
export type DefaultEnvironment = z.infer<typeof DefaultEnvironment>;

/** What the list and the editor need to know of the server. */
export const EnvironmentFacts = z.object({
  /** Whether this server's sandboxes are made from images. */
  hasImages: z.boolean(),
  /** What the preset `packages` stands for now. */
  packageHosts: z.array(AllowRule),
  defaults: z.array(DefaultEnvironment),
});
export type EnvironmentFacts = z.infer<typeof EnvironmentFacts>;

/** What a set-up left on this server for later runs. */
export const KeptSetupView = z.object({
  /** Names all on which it depends: another one is made when one of that changes. */
  key: z.string(),
  madeAt: Timestamp,
  usedAt: Timestamp,
  bytes: z.number().int().nonnegative(),
  /** A run that goes on was given it, or somebody is just copying it. */
  inUse: z.boolean(),
  /** What it was made from; null: by an earlier version, which did not write it down. */
  from: z.object({ runId: RunId, repositories: z.array(z.object({ repository: z.string(), commit: z.string() })) }).nullable(),
});
export type KeptSetupView = z.infer<typeof KeptSetupView>;

export const RemoveSetupInput = z.strictObject({ id: EnvironmentId, key: z.string().regex(/^[0-9a-f]{64}$/, "is no key") });
export type RemoveSetupInput = z.infer<typeof RemoveSetupInput>;
