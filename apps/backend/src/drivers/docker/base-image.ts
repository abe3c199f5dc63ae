import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { CcrError } from "@ccr/protocol";
import type Docker from "dockerode";
import { z } from "zod";
import type { ReportProgress } from "../types.ts";
import { type AskEngine, engineMessage, engineStatus } from "./engine.ts";

/** An image that somebody names, as it is now: what is built on it is built on this one, whatever its name means later. */
export type BaseImage = {
  id: string;
  environment: string[];
  /** Whether a repository describes it, and nobody else: what is in it is a stranger's. */
  isStrangers: boolean;
};

/** The label on what is built from a `devcontainer.json`. */
export const DEVCONTAINER_LABEL = "ccr.devcontainer";

const Line = z.object({
  status: z.string().optional(),
  id: z.string().optional(),
  progress: z.string().optional(),
  error: z.string().optional(),
});

const find = async (ask: AskEngine, name: string, signal: AbortSignal): Promise<BaseImage | null> => {
  try {
    const { Id, Config } = await ask((docker) => docker.getImage(name).inspect(), { signal });
    return { id: Id, environment: Config.Env ?? [], isStrangers: Config.Labels?.[DEVCONTAINER_LABEL] !== undefined };
  } catch (error) {
    if (engineStatus(error) === 404) return null;
    throw error;
  }
};

const pull = async (
  docker: Docker,
  name: string,
  { report, signal }: { report: ReportProgress; signal: AbortSignal },
): Promise<void> => {
  // Without a tag the engine would fetch every one that there is.
  const reference = /(:[\w.-]+|@sha256:[0-9a-f]+)$/.test(name.slice(name.lastIndexOf("/") + 1)) ? name : `${name}:latest`;
  let problem: string | null = null;
  try {
    const stream: unknown = await docker.pull(reference, { abortSignal: signal });
    if (!(stream instanceof Readable)) throw new Error("the engine gave no answer");
    for await (const line of createInterface({ input: stream })) {
      const { status, id, progress, error } = readLine(line);
      problem ??= error ?? null;
      if (status !== undefined)
        report(`fetching ${name}: ${[id, status, progress].filter((part) => part !== undefined).join(" ")}`);
    }
  } catch (error) {
    signal.throwIfAborted();
    problem = engineMessage(error);
  }
  if (problem !== null)
    throw new CcrError(
      "unprocessable",
      `The image ${name} is not there and could not be fetched: ${problem}. Check its name, or build it on the engine.`,
    );
};

const readLine = (line: string): z.infer<typeof Line> => {
  try {
    return Line.safeParse(JSON.parse(line)).data ?? {};
  } catch {
    return {};
  }
};

/** The image that a name means now, fetched when the engine does not have it. Throws `CcrError` with `unprocessable` when it cannot be had. */
export const ensureBase = async (
  { ask, docker }: { ask: AskEngine; docker: Docker },
  name: string,
  options: { report: ReportProgress; signal: AbortSignal },
): Promise<BaseImage> => {
  const { signal } = options;
  const there = await find(ask, name, signal);
  if (there !== null) return there;
  await pull(docker, name, options);
  const fetched = await find(ask, name, signal);
  if (fetched === null) throw new CcrError("unprocessable", `The image ${name} was fetched, and is not there. Try again.`);
  return fetched;
};

/** Variables that the sandbox sets itself, or by which an image could lead its processes elsewhere. */
const OWN =
  /^(EXECUTOR_|CCR_|ANTHROPIC_|CLAUDE|LD_)|^(HOME|USER|HOSTNAME|NODE_OPTIONS|NODE_EXTRA_CA_CERTS|(HTTP|HTTPS|NO|ALL)_PROXY)$/i;

/** What of an image's variables its sandboxes get. Pure. */
export const keptVariables = (environment: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    environment.flatMap((entry) => {
      const at = entry.indexOf("=");
      const name = entry.slice(0, at);
      return at <= 0 || OWN.test(name) ? [] : [[name, entry.slice(at + 1)]];
    }),
  );

/** The label on an executor image that has the variables of the image on which it was built. */
export const BASE_VARIABLES_LABEL = "ccr.image.variables";

const Variables = z.record(z.string(), z.string());

/** The variables of the image on which an executor image was built; none for one on the server's own base. Pure. */
export const baseVariables = (labels: Readonly<Record<string, string>> | null | undefined): Record<string, string> => {
  try {
    return Variables.parse(JSON.parse(labels?.[BASE_VARIABLES_LABEL] ?? "{}"));
  } catch {
    return {};
  }
};
