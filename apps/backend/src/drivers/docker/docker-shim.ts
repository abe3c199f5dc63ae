/*
 * Stands in the place of the docker program for whoever builds a `devcontainer.json`: lets images be looked at, fetched and built, and nothing
 * else. What is built may read the folders that are named, and has the network and the memory that are. Used as a program: the first argument
 * is a file with `ShimRules`, what follows are docker's own.
 */
import { spawn } from "node:child_process";
import { readFile, realpath } from "node:fs/promises";
import { sep } from "node:path";
import { z } from "zod";

export const ShimRules = z.object({
  /** The folders from which may be built. */
  roots: z.array(z.string()),
  /** The names that what is built may get. */
  tags: z.array(z.string()),
  network: z.enum(["none", "default"]),
  memoryMb: z.number().int(),
  labels: z.array(z.string()),
});
export type ShimRules = z.infer<typeof ShimRules>;

/** Flags of a build that change nothing about what it may do, each with whether a value follows. */
const FLAGS: ReadonlyMap<string, boolean> = new Map([
  ["-f", true],
  ["-t", true],
  ["--target", true],
  ["--build-arg", true],
  ["--no-cache", false],
  ["--pull", false],
]);

const NAME = /^[\w][\w./:@-]*$/;

export type Asked =
  | { kind: "pass"; args: string[] }
  | { kind: "build"; flags: string[]; files: string[]; context: string }
  | { kind: "refuse"; why: string };

/** What a call of the program asks for. Pure. */
export const readCall = (args: readonly string[], tags: readonly string[]): Asked => {
  const refused: Asked = { kind: "refuse", why: `docker ${args.slice(0, 3).join(" ")} is not allowed here` };
  const [command, ...rest] = args;
  if (command === "-v" && rest.length === 0) return { kind: "pass", args: [...args] };
  if (command === "version")
    return rest.every((arg) => /^(--format|\{\{[\w.]+\}\})$/.test(arg)) ? { kind: "pass", args: [...args] } : refused;
  if (command === "inspect") {
    const [flag, type, name = "", ...more] = rest;
    const isImage = flag === "--type" && type === "image" && NAME.test(name) && more.length === 0;
    return isImage ? { kind: "pass", args: [...args] } : refused;
  }
  if (command === "pull") return rest.length === 1 && NAME.test(rest[0] ?? "") ? { kind: "pass", args: [...args] } : refused;
  if (command !== "build") return refused;
  const flags: string[] = [];
  const files: string[] = [];
  const contexts: string[] = [];
  for (let at = 0; at < rest.length; at++) {
    const arg = rest[at] ?? "";
    const takes = FLAGS.get(arg);
    if (takes === undefined) {
      if (arg.startsWith("-")) return { kind: "refuse", why: `docker build ${arg} is not allowed here` };
      contexts.push(arg);
      continue;
    }
    const value = takes ? rest[++at] : undefined;
    if (takes && value === undefined) return refused;
    if (arg === "-t" && !tags.includes(value ?? ""))
      return { kind: "refuse", why: `docker build -t ${value} is not allowed here` };
    if (arg === "-f") files.push(value ?? "");
    flags.push(arg, ...(value === undefined ? [] : [value]));
  }
  const [context, ...more] = contexts;
  return context === undefined || more.length > 0 || files.length !== 1 ? refused : { kind: "build", flags, files, context };
};

/** Why a Dockerfile cannot be built without a network: the engine itself would fetch what it adds. null: it can. Pure. */
export const fetchesByItself = (dockerfile: string): string | null => {
  if (/^\s*#\s*escape\s*=\s*`/im.test(dockerfile)) return "it sets another escape character";
  const lines = dockerfile.replaceAll(/\\[ \t]*\r?\n(?:[ \t]*#.*\r?\n)*/g, " ").split("\n");
  const add = lines.find((line) => /^\s*(?:ONBUILD\s+)?ADD\b/i.test(line) && /:\/\/|\$|git@/.test(line));
  return add === undefined ? null : `'${add.trim().slice(0, 200)}' would be fetched by the engine`;
};

const isInside = (path: string, roots: readonly string[]): boolean =>
  roots.some((root) => path === root || path.startsWith(root + sep));

/** What docker is to be called with, or why not. */
const argumentsFor = async (args: readonly string[], rules: ShimRules): Promise<{ args: string[] } | { why: string }> => {
  const asked = readCall(args, rules.tags);
  if (asked.kind === "refuse") return asked;
  if (asked.kind === "pass") return asked;
  const roots = await Promise.all(rules.roots.map((root) => realpath(root)));
  for (const path of [asked.context, ...asked.files])
    if (!isInside(await realpath(path), roots)) return { why: `${path} does not lie in the repository` };
  for (const file of rules.network === "none" ? asked.files : []) {
    const why = fetchesByItself(await readFile(file, "utf8"));
    if (why !== null) return { why: `the Dockerfile cannot be built without a network: ${why}` };
  }
  return {
    args: [
      "build",
      `--network=${rules.network}`,
      `--memory=${rules.memoryMb}m`,
      `--memory-swap=${rules.memoryMb}m`,
      "--force-rm",
      ...rules.labels.flatMap((label) => ["--label", label]),
      ...asked.flags,
      asked.context,
    ],
  };
};

const main = async ([rulesFile = "", ...args]: string[]): Promise<number> => {
  const rules = ShimRules.parse(JSON.parse(await readFile(rulesFile, "utf8")));
  const found = await argumentsFor(args, rules);
  if ("why" in found) {
    process.stderr.write(`${found.why}\n`);
    return 1;
  }
  return new Promise((resolve) => {
    const child = spawn("docker", found.args, { stdio: "inherit" });
    child.once("error", (error) => {
      process.stderr.write(`docker cannot be started: ${error.message}\n`);
      resolve(127);
    });
    child.once("exit", (code) => resolve(code ?? 1));
  });
};

if (import.meta.main) process.exit(await main(process.argv.slice(2)));
