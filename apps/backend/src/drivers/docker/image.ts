import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { CcrError } from "@ccr/protocol";
import type Docker from "dockerode";
import { pack } from "tar-stream";
import { sandboxIdentity, serverIdentity } from "../identity.ts";
import type { ImageProvider, ReportProgress } from "../types.ts";
import { BASE_VARIABLES_LABEL, ensureBase, keptVariables } from "./base-image.ts";
import { BuildOutput } from "./build-output.ts";
import {
  type AskEngine,
  connectEngine,
  describeEngineError,
  engineAt,
  engineMessage,
  engineSocket,
  engineStatus,
} from "./engine.ts";
import { hashImageInputs, type ImageInputs, type ImageOptions, readDerivedInputs, readImageInputs } from "./image-inputs.ts";
import { LABELS } from "./plan.ts";

export const REPOSITORY = "claude-code-runner/executor";
export const HASH_LABEL = "ccr.image.hash";

export type DockerImagesOptions = Omit<ImageOptions, "sandboxUid"> & {
  engine?: string | undefined;
  owner: string;
  /** `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` for the build alone; they stay in no layer and do not count as inputs. */
  proxies?: Record<string, string>;
  /** How long the engine may take over anything but the build before it counts as stuck. */
  answerWithinMs?: number | undefined;
};

/** An engine for what is answered at once, and for what takes as long as it takes. */
type Engine = { ask: AskEngine; docker: Docker };

/** What is to be built. `base`: an image that somebody named, and what of its variables sandboxes get. */
type Order = {
  inputs: ImageInputs;
  hash: string;
  base: { name: string; variables: Record<string, string>; isStrangers: boolean } | null;
};

type Building = { done: Promise<string>; reports: Set<ReportProgress>; callers: number; stop: AbortController };

/** Builds the executor image on a Docker Engine. */
export class DockerImages implements ImageProvider {
  readonly #options: DockerImagesOptions;
  readonly #building = new Map<string, Building>();

  constructor(options: DockerImagesOptions) {
    this.#options = options;
  }

  /** The reference of the image that sandboxes would get now, whether it is there or not. */
  async reference(): Promise<string> {
    return tagOf(hashImageInputs(await this.#inputs()));
  }

  async ensureImage(base: string | null, report: ReportProgress, signal: AbortSignal): Promise<string> {
    return this.#asking(signal, async (engine) => {
      const inputs = await this.#inputs();
      const executorImage = await this.#ensure(engine, { inputs, hash: hashImageInputs(inputs), base: null }, { report, signal });
      if (base === null) return executorImage;
      const { id, environment, isStrangers } = await ensureBase(engine, base, { report, signal });
      const derived = await readDerivedInputs(this.#options, { executorImage, baseImage: id });
      const order = {
        inputs: derived,
        hash: hashImageInputs(derived),
        base: { name: base, variables: keptVariables(environment), isStrangers },
      };
      return this.#ensure(engine, order, { report, signal });
    });
  }

  async resolveImage(name: string, report: ReportProgress, signal: AbortSignal): Promise<string> {
    return this.#asking(signal, async (engine) => (await ensureBase(engine, name, { report, signal })).id);
  }

  #inputs(): Promise<ImageInputs> {
    return readImageInputs({ ...this.#options, sandboxUid: sandboxIdentity(serverIdentity()).uid });
  }

  /** Works with the engine, and makes its errors into sentences. */
  async #asking<Result>(signal: AbortSignal, work: (engine: Engine) => Promise<Result>): Promise<Result> {
    const socket = engineSocket(this.#options.engine);
    if ("problem" in socket) throw new CcrError("unavailable", socket.problem);
    const ask = engineAt(socket.socketPath, this.#options.answerWithinMs);
    try {
      return await work({ ask, docker: connectEngine(socket.socketPath) });
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof CcrError) throw error;
      throw new CcrError("unavailable", describeEngineError(error, socket.socketPath), { cause: error });
    }
  }

  async #ensure(
    engine: Engine,
    order: Order,
    { report, signal }: { report: ReportProgress; signal: AbortSignal },
  ): Promise<string> {
    if (await hasImage(engine.ask, tagOf(order.hash), signal)) return tagOf(order.hash);
    return this.#join(this.#buildingOf(engine, order), report, signal);
  }

  /** The build that is going on, or a new one. */
  #buildingOf(engine: Engine, order: Order): Building {
    const { hash } = order;
    const going = this.#building.get(hash);
    if (going !== undefined && !going.stop.signal.aborted) return going;
    const reports = new Set<ReportProgress>();
    const stop = new AbortController();
    const tell: ReportProgress = (text) => {
      for (const report of reports) report(text);
    };
    const done = this.#build(engine, order, { tell, signal: stop.signal }).finally(() => {
      if (this.#building.get(hash) === building) this.#building.delete(hash);
    });
    const building: Building = { done, reports, callers: 0, stop };
    this.#building.set(hash, building);
    return building;
  }

  /** Waits with the others; the build is stopped only when nobody waits any more. */
  async #join(building: Building, report: ReportProgress, signal: AbortSignal): Promise<string> {
    building.reports.add(report);
    building.callers++;
    const aborted = Promise.withResolvers<never>();
    const leave = () => aborted.reject(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
    try {
      return await Promise.race([building.done, aborted.promise]);
    } finally {
      signal.removeEventListener("abort", leave);
      building.reports.delete(report);
      building.callers--;
      if (building.callers === 0) building.stop.abort();
      building.done.catch(() => {}); // who left early does not hear how it ended
    }
  }

  async #build(
    { ask, docker }: Engine,
    { inputs, hash, base }: Order,
    { tell, signal }: { tell: ReportProgress; signal: AbortSignal },
  ): Promise<string> {
    const output = new BuildOutput();
    try {
      const stream = await docker.buildImage(contextOf(inputs), {
        t: tagOf(hash),
        dockerfile: inputs.dockerfile,
        buildargs: { ...inputs.buildArguments, ...this.#options.proxies },
        labels: {
          [LABELS.owner]: this.#options.owner,
          [HASH_LABEL]: hash,
          ...(base === null ? {} : { [BASE_VARIABLES_LABEL]: JSON.stringify(base.variables) }),
        },
        rm: true,
        forcerm: true,
        // Programs of a stranger's image run in it.
        ...(base?.isStrangers === true ? { networkmode: "none" } : {}),
        abortSignal: signal,
      });
      for await (const line of createInterface({ input: stream })) {
        const news = output.take(line);
        if (news !== null) tell(news);
      }
      if (output.error !== null) throw new Error(output.error);
    } catch (error) {
      signal.throwIfAborted();
      const failure = output.describeFailure(engineMessage(error));
      // With the server's own base the same build works: it is the image that does not go with it.
      if (base !== null)
        throw new CcrError("unprocessable", `${failure}\nThe image ${base.name} must be one that is based on Debian or Ubuntu.`, {
          cause: error,
        });
      throw new CcrError("unavailable", failure, { cause: error });
    }
    // The engine's stream also ends, without an error, when the engine stops.
    if (!(await hasImage(ask, tagOf(hash), signal)))
      throw new CcrError("unavailable", output.describeFailure("the engine stopped building"));
    return tagOf(hash);
  }
}

const tagOf = (hash: string): string => `${REPOSITORY}:${hash}`;

const hasImage = async (ask: AskEngine, tag: string, signal: AbortSignal): Promise<boolean> => {
  try {
    await ask((docker) => docker.getImage(tag).inspect(), { signal });
    return true;
  } catch (error) {
    if (engineStatus(error) === 404) return false;
    throw error;
  }
};

/** The build context as a tar stream, the same bytes for the same inputs: times would defeat the engine's cache. */
const contextOf = ({ files }: ImageInputs): Readable => {
  const tar = pack();
  for (const { name, content } of files) tar.entry({ name, mode: 0o644, mtime: new Date(0) }, content);
  tar.finalize();
  return Readable.from(tar);
};
