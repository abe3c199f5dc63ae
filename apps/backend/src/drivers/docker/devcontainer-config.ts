import { posix } from "node:path";
import { CcrError, ImageName, VariableName } from "@ccr/protocol";
import { type ParseError, parse } from "jsonc-parser";
import { z } from "zod";

/** What is taken from a `devcontainer.json`, which is a stranger's. */
export type DevcontainerPlan = {
  /** What the official program is given in its place: what an image is made from, and nothing else. */
  config: Record<string, unknown>;
  variables: Record<string, string>;
  /** What is to be run in the workspace, as lines of a script; empty: nothing. */
  script: string;
};

const WORKSPACE = "/workspace";
/** Where it is looked for, in this order. */
export const USUAL_PLACES = [".devcontainer/devcontainer.json", ".devcontainer.json"] as const;

const Scalar = z.union([z.string(), z.number(), z.boolean()]);
const Command = z.union([z.string(), z.array(z.string()), z.record(z.string(), z.union([z.string(), z.array(z.string())]))]);
const Values = z.record(z.string(), z.string().nullable());

const Config = z.object({
  image: ImageName.optional(),
  build: z
    .object({
      dockerfile: z.string().optional(),
      context: z.string().optional(),
      target: z.string().optional(),
      args: z.record(z.string(), z.string()).optional(),
    })
    .optional(),
  dockerFile: z.string().optional(),
  context: z.string().optional(),
  dockerComposeFile: z.unknown().optional(),
  features: z.record(z.string(), z.union([Scalar, z.record(z.string(), Scalar)])).optional(),
  overrideFeatureInstallOrder: z.array(z.string()).optional(),
  containerEnv: Values.optional(),
  remoteEnv: Values.optional(),
  onCreateCommand: Command.optional(),
  updateContentCommand: Command.optional(),
  postCreateCommand: Command.optional(),
});

const refuse = (why: string): CcrError =>
  new CcrError("unprocessable", `The repository's devcontainer.json cannot be used: ${why}`);

const quote = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

/** The variables of the file's own language, as far as they mean something here. */
const substitute = (text: string): string =>
  text
    .replaceAll(/\$\{(?:containerWorkspaceFolder|localWorkspaceFolder)\}/g, WORKSPACE)
    .replaceAll(/\$\{(?:containerWorkspaceFolderBasename|localWorkspaceFolderBasename)\}/g, posix.basename(WORKSPACE));

const linesOf = (command: z.infer<typeof Command> | undefined): string[] => {
  if (command === undefined) return [];
  if (typeof command === "string") return command.trim() === "" ? [] : [`(\n${substitute(command)}\n)`];
  if (Array.isArray(command)) return command.length === 0 ? [] : [command.map((word) => quote(substitute(word))).join(" ")];
  return Object.values(command).flatMap(linesOf);
};

const variablesOf = (values: z.infer<typeof Values> | undefined): [string, string][] =>
  Object.entries(values ?? {}).flatMap(([name, value]): [string, string][] => {
    const text = value === null ? "${" : substitute(value);
    // What is put together from the variables of another machine, or of the container, means nothing before there is one.
    return text.includes("${") || !VariableName.safeParse(name).success ? [] : [[name, text]];
  });

/** A path beside the file, or above it within the repository. */
const inside = (folder: string, path: string, what: string): string => {
  const whole = posix.normalize(posix.join(folder, path));
  if (path.startsWith("/") || path.includes("\0") || path.includes("${") || whole === ".." || whole.startsWith("../"))
    throw refuse(`${what} '${path}' does not lie in the repository.`);
  return path;
};

const checkFeature = (reference: string, hosts: ReadonlySet<string>): void => {
  if (/^\.\/[\w.-]+(\/[\w.-]+)*$/.test(reference) && !reference.includes("..")) return;
  const host = /^(?:https:\/\/)?([a-z0-9.-]+(?::\d+)?)\//i.exec(reference)?.[1]?.toLowerCase() ?? "";
  if (hosts.has(host)) return;
  throw refuse(
    `the feature '${reference.slice(0, 200)}' would be fetched from ${host === "" ? "somewhere else" : host}, which this server does not allow. Name that host in CCR_PACKAGE_HOSTS, or put the feature into the repository.`,
  );
};

/**
 * Reads a `devcontainer.json`. What reaches out of an image (mounts, arguments and rights of containers, commands for the host, ports, compose
 * files) is not taken over. `path` is where it lies in the repository; features come from it, or from these hosts. Throws `CcrError` with
 * `unprocessable`. Pure.
 */
export const planDevcontainer = (
  text: string,
  { path, featureHosts }: { path: string; featureHosts: ReadonlySet<string> },
): DevcontainerPlan => {
  const errors: ParseError[] = [];
  const value: unknown = parse(text, errors, { allowTrailingComma: true });
  if (errors.length > 0) throw refuse("it is not JSON with comments.");
  const parsed = Config.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw refuse(`${issue?.path.join(".") ?? ""}: ${issue?.message ?? "it is not valid"}.`);
  }
  const { image, build, features, ...given } = parsed.data;
  if (given.dockerComposeFile !== undefined)
    throw refuse("it describes several containers (dockerComposeFile), and a run has one.");
  const folder = posix.dirname(path);
  const dockerfile = build?.dockerfile ?? given.dockerFile;
  const context = build?.context ?? given.context;
  if (dockerfile === undefined && image === undefined) throw refuse("it names neither an image nor a Dockerfile.");
  for (const reference of Object.keys(features ?? {})) checkFeature(reference, featureHosts);
  const from =
    dockerfile === undefined
      ? { image }
      : {
          build: {
            dockerfile: inside(folder, dockerfile, "the Dockerfile"),
            ...(context === undefined ? {} : { context: inside(folder, context, "the build's context") }),
            ...(build?.args === undefined ? {} : { args: build.args }),
            ...(build?.target === undefined ? {} : { target: build.target }),
          },
        };
  const order = given.overrideFeatureInstallOrder;
  return {
    config: {
      ...from,
      ...(features === undefined ? {} : { features }),
      ...(order === undefined ? {} : { overrideFeatureInstallOrder: order }),
    },
    variables: Object.fromEntries([...variablesOf(given.containerEnv), ...variablesOf(given.remoteEnv)]),
    script: [given.onCreateCommand, given.updateContentCommand, given.postCreateCommand].flatMap(linesOf).join("\n"),
  };
};
