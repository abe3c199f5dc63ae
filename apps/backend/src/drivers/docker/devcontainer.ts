import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { CcrError } from "@ccr/protocol";
import { z } from "zod";
import type { Devcontainer, DevcontainerOrder, ReportProgress } from "../types.ts";
import { DEVCONTAINER_LABEL } from "./base-image.ts";
import { layOut } from "./checkout-tar.ts";
import { planDevcontainer, USUAL_PLACES } from "./devcontainer-config.ts";
import type { ShimRules } from "./docker-shim.ts";
import { LABELS } from "./plan.ts";

export type DevcontainerOptions = {
  /** A folder of its own, for checkouts that are gone after each build. */
  folder: string;
  owner: string;
  engine?: string | undefined;
  /** The search path on which the docker program is. */
  path: string;
  /** Whether what is built reaches what the engine's containers reach, past the gateway. */
  hasNetwork: boolean;
  featureHosts: () => Promise<ReadonlySet<string>>;
};

const REPOSITORY = "claude-code-runner/devcontainer";
/** The name that the official program gives to what it puts features into; the same for every build, so there is one at a time. */
const FEATURE_CONTENT = "dev_container_feature_content_temp";
const BUILD_MEMORY_MB = 4096;
const BUILD_WITHIN_MS = 60 * 60_000;
const LAST_LINES = 15;
const LINE_MAX_CHARACTERS = 300;

const LogLine = z.object({ type: z.string(), level: z.number().optional(), text: z.string().optional() });
const Result = z.object({ outcome: z.string(), message: z.string().optional(), description: z.string().optional() });

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};

const plain = (text: string): string =>
  text
    .replaceAll(new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g"), "")
    .replace(/\s+/g, " ")
    .trim();

/** Builds what a repository's `devcontainer.json` describes, by the official program, which is let do nothing but build. */
export const createDevcontainers = (options: DevcontainerOptions) => {
  let turn: Promise<unknown> = Promise.resolve();

  const build = async (order: DevcontainerOrder, report: ReportProgress, signal: AbortSignal): Promise<Devcontainer> => {
    signal.throwIfAborted();
    // One at a time: what else is there was left by a server that was killed.
    await rm(options.folder, { recursive: true, force: true });
    await mkdir(options.folder, { recursive: true, mode: 0o700 });
    const work = await realpath(await mkdtemp(join(options.folder, "build-")));
    try {
      const checkout = join(work, "checkout");
      for (const name of ["checkout", "home", "tmp", "user-data"]) await mkdir(join(work, name));
      report("laying out the repository");
      await layOut(order.archive(signal), checkout, signal);
      const { path, text } = await findConfig(checkout, order.path);
      const plan = planDevcontainer(text, { path, featureHosts: await options.featureHosts() });
      await writeFile(join(checkout, path), JSON.stringify(plan.config));
      const tag = `${REPOSITORY}:${createHash("sha256").update(order.repository).update(path).digest("hex").slice(0, 12)}`;
      await runCli({ work, checkout, config: join(checkout, path), tag }, { report, signal });
      return { image: tag, variables: plan.variables, script: plan.script };
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  };

  const runCli = async (
    { work, checkout, config, tag }: { work: string; checkout: string; config: string; tag: string },
    { report, signal }: { report: ReportProgress; signal: AbortSignal },
  ): Promise<void> => {
    const rules: ShimRules = {
      roots: [checkout, join(work, "tmp"), join(work, "user-data")],
      tags: [tag, FEATURE_CONTENT],
      network: options.hasNetwork ? "default" : "none",
      memoryMb: BUILD_MEMORY_MB,
      labels: [`${LABELS.owner}=${options.owner}`, `${DEVCONTAINER_LABEL}=1`],
    };
    const [rulesFile, docker] = [join(work, "rules.json"), join(work, "docker")];
    await writeFile(rulesFile, JSON.stringify(rules));
    const shim = resolve(import.meta.dirname, "docker-shim.ts");
    const line = [process.execPath, shim, rulesFile].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
    await writeFile(docker, `#!/bin/sh\nexec ${line} "$@"\n`, { mode: 0o755 });
    const cli = createRequire(import.meta.url).resolve("@devcontainers/cli/devcontainer.js");
    const args = [
      cli,
      "build",
      ...["--workspace-folder", checkout],
      ...["--config", config],
      ...["--docker-path", docker],
      ...["--buildkit", "never"],
      ...["--image-name", tag],
      ...["--log-format", "json"],
      ...["--user-data-folder", join(work, "user-data")],
      "--no-lockfile",
      "--oci-auth-hardening",
    ];
    // Nothing of the server's own: a devcontainer.json can ask for variables of the machine on which it is built.
    const env = {
      PATH: options.path,
      HOME: join(work, "home"),
      TMPDIR: join(work, "tmp"),
      DOCKER_CONFIG: join(work, "home"),
      DOCKER_BUILDKIT: "0",
      ...(options.engine === undefined ? {} : { DOCKER_HOST: options.engine }),
    };
    const child = spawn(process.execPath, args, { cwd: work, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    const kill = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      } catch {
        // It ended by itself.
      }
    };
    const timer = setTimeout(kill, BUILD_WITHIN_MS);
    signal.addEventListener("abort", kill, { once: true });
    try {
      const last: string[] = [];
      let output = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        output = (output + text).slice(-64 * 1024);
      });
      const closed = new Promise<number | null>((settle, reject) => {
        child.once("error", reject);
        child.once("close", settle);
      });
      closed.catch(() => {}); // heard of below
      for await (const entry of createInterface({ input: child.stderr })) {
        const { type, text = "" } = LogLine.safeParse(parseJson(entry)).data ?? { type: "" };
        const said = plain(text).slice(0, LINE_MAX_CHARACTERS);
        if (type !== "raw" || said === "" || /^DEPRECATED|docs\.docker\.com/.test(said)) continue;
        last.push(said);
        if (last.length > LAST_LINES) last.shift();
        report(said);
      }
      const code = await closed;
      signal.throwIfAborted();
      const result = Result.safeParse(parseJson(output.trim().split("\n").at(-1) ?? "")).data;
      if (code === 0 && result?.outcome === "success") return;
      const why = result?.description ?? result?.message ?? `it ended with code ${code}`;
      throw new CcrError(
        "unprocessable",
        [
          `The image of the repository's devcontainer.json could not be built: ${plain(why)}`,
          ...(options.hasNetwork
            ? []
            : ["It was built without a network. CCR_DEVCONTAINER_NETWORK=1 gives it that of the engine, past the gateway."]),
          ...(last.length === 0 ? [] : ["The last lines of the build:", ...last.map((each) => `  ${each}`)]),
        ].join("\n"),
      );
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", kill);
      kill();
    }
  };

  return {
    build: (order: DevcontainerOrder, report: ReportProgress, signal: AbortSignal): Promise<Devcontainer> => {
      const mine = turn.then(() => build(order, report, signal));
      turn = mine.catch(() => {});
      return mine;
    },
  };
};

const findConfig = async (checkout: string, path: string | undefined): Promise<{ path: string; text: string }> => {
  for (const each of path === undefined ? USUAL_PLACES : [path]) {
    const place = await realpath(join(checkout, each)).catch(() => null);
    if (place === null || !place.startsWith(`${checkout}/`)) continue;
    const text = await readFile(place, "utf8").catch(() => null);
    // Under its real name, so that what takes its place is no link.
    if (text !== null) return { path: place.slice(checkout.length + 1), text };
  }
  throw new CcrError("unprocessable", `The repository has no ${path ?? USUAL_PLACES.join(" or ")}.`);
};
