import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CcrError, type InstanceId, SandboxHandle, type SandboxSpec } from "@ccr/protocol";
import type Docker from "dockerode";
import { z } from "zod";
import { diskUsage } from "../disk.ts";
import { handleFolder, instanceFolder, requireOwnHandle } from "../handle.ts";
import { accountFiles, type Identity, sandboxIdentity, serverIdentity } from "../identity.ts";
import { executorSocket } from "../layout.ts";
import { prepareMounts, writableSources } from "../mounts.ts";
import { exited, lastBytes, NEVER_RAN_EXIT_CODE } from "../results.ts";
import type { Probe, SandboxDriver, SandboxState } from "../types.ts";
import { baseVariables } from "./base-image.ts";
import {
  ANSWER_WITHIN_MS,
  type AskEngine,
  describeEngineError,
  engineAt,
  engineMessage,
  engineSocket,
  engineStatus,
} from "./engine.ts";
import { readLogFrames } from "./logs.ts";
import { countOutOfMemoryKills } from "./out-of-memory.ts";
import { containerName, containerRequest, environmentNames, LABELS } from "./plan.ts";
import { probeEngine } from "./probe.ts";

export type DockerDriverOptions = {
  /** The engine's address as in `DOCKER_HOST`; the default socket when left out. */
  engine?: string | undefined;
  /** This server's identity: it lists and adopts only what carries it. */
  owner: string;
  /** A folder of the driver's own, for the few small files that its containers mount. */
  stateDir: string;
  /** How long the engine may take over a call before it counts as stuck. Making a container may take three times as long. */
  answerWithinMs?: number | undefined;
};

const HandleData = z.object({ writable: z.array(z.string()) });

// Whoever looks wants to know soon, also that there is nobody to answer; an engine that is well takes milliseconds.
const LOOK_WITHIN_MS = 8_000;

// It has them in memory and gives them within milliseconds; whoever looks does not wait long for what is only good to know.
const EVENTS_WITHIN_MS = 2_000;

// An engine that was killed while it started a container finds its id in use when it is back, and will never start it; one that is just
// ending fails over a start with whatever error. Another container, with another id, starts.
const STARTS_MAX = 3;
const START_AGAIN_MS = 500;

// Between taking a name and showing the container, an engine does little; under load it can take a while.
const ADOPTED_WITHIN_MS = 15_000;

// Removing a container with a large writable layer can take the engine seconds.
const REMOVED_WITHIN_MS = 30_000;

/** Sandboxes as containers of a Docker Engine on this machine. */
export class DockerDriver implements SandboxDriver {
  readonly name = "docker";
  readonly #options: DockerDriverOptions;
  readonly #server: Identity = serverIdentity();
  readonly #answerWithinMs: number;

  constructor(options: DockerDriverOptions) {
    this.#options = options;
    this.#answerWithinMs = options.answerWithinMs ?? ANSWER_WITHIN_MS;
  }

  probe(signal: AbortSignal): Promise<Probe> {
    return probeEngine(this.#options.engine, signal);
  }

  async create(spec: SandboxSpec, signal: AbortSignal): Promise<SandboxHandle> {
    const handle = this.#handle(spec);
    await prepareMounts(spec, this.#server);
    const accounts = await this.#writeFolder(handle);
    const making = async (ask: AskEngine) => {
      const image = await ask((docker) => docker.getImage(spec.image).inspect(), { signal });
      const info = await ask((docker) => docker.info(), { signal });
      const request = containerRequest({
        spec,
        handle,
        owner: this.#options.owner,
        identity: sandboxIdentity(this.#server),
        accounts,
        imageEnvironment: environmentNames(image.Config.Env ?? []),
        baseVariables: baseVariables(image.Config.Labels),
        cpus: info.NCPU,
      });
      const limits = { withinMs: 3 * this.#answerWithinMs, signal };
      for (let tries = 1; ; tries++) {
        try {
          return await this.#startOnce(ask, await createOrAdopt(ask, request, limits), handle);
        } catch (error) {
          if (engineStatus(error) === null || tries >= STARTS_MAX) throw error;
          await removeContainer(ask, spec.instanceId);
          await delay(START_AGAIN_MS, undefined, { signal });
        }
      }
    };
    return this.#calling(`making the sandbox ${spec.instanceId}`, making, signal);
  }

  async inspect(handle: SandboxHandle): Promise<SandboxState> {
    requireOwnHandle(handle, this.name);
    return this.#calling(`looking at the sandbox ${handle.instanceId}`, async (ask) => {
      const withinMs = Math.min(LOOK_WITHIN_MS, this.#answerWithinMs);
      const container = await inspectContainer(ask, containerName(handle.instanceId), withinMs);
      if (container === null) return { status: "gone" };
      const measuring = diskUsage(HandleData.parse(handle.data).writable);
      if (container.State.Status === "created")
        return exited({ exitCode: NEVER_RAN_EXIT_CODE, outOfMemoryKills: 0, diskBytes: await measuring });
      const counting = countOutOfMemoryKills(ask, container, Math.min(EVENTS_WITHIN_MS, withinMs));
      const [diskBytes, outOfMemoryKills] = await Promise.all([measuring, counting]);
      switch (container.State.Status) {
        case "exited":
        case "dead":
          return exited({ exitCode: container.State.ExitCode, outOfMemoryKills, diskBytes });
        default:
          return { status: "running", outOfMemoryKills, diskBytes };
      }
    });
  }

  async logs(handle: SandboxHandle, signal: AbortSignal): Promise<string> {
    requireOwnHandle(handle, this.name);
    const reading = async (ask: AskEngine) => {
      try {
        const options = { stdout: true, stderr: true, follow: false } as const;
        const frames = await ask((docker) => docker.getContainer(containerName(handle.instanceId)).logs(options), { signal });
        return lastBytes(readLogFrames(frames));
      } catch (error) {
        if (engineStatus(error) === 404) return "";
        throw error;
      }
    };
    return this.#calling(`reading the log of the sandbox ${handle.instanceId}`, reading, signal);
  }

  async destroy(handle: SandboxHandle): Promise<void> {
    const folder = this.#folder(handle);
    await this.#calling(`removing the sandbox ${handle.instanceId}`, (ask) => removeContainer(ask, handle.instanceId));
    await rm(folder, { recursive: true, force: true });
  }

  async list(): Promise<SandboxHandle[]> {
    const containers = await this.#calling("listing the sandboxes", (ask) =>
      ask((docker) => docker.listContainers({ all: true, filters: { label: [`${LABELS.owner}=${this.#options.owner}`] } })),
    );
    const found = [...containers.map(({ Labels }) => Labels[LABELS.handle] ?? ""), ...(await this.#storedHandles())];
    const handles = new Map<InstanceId, SandboxHandle>();
    for (const text of found) {
      const handle = parseHandle(text);
      if (handle !== null) handles.set(handle.instanceId, handle);
    }
    return [...handles.values()];
  }

  #handle(spec: SandboxSpec): SandboxHandle {
    const socket = executorSocket(spec);
    if ("problem" in socket) throw new CcrError("internal", socket.problem);
    return {
      version: 1,
      driver: this.name,
      instanceId: spec.instanceId,
      endpoint: { socketPath: socket.path },
      data: { writable: writableSources(spec), folder: instanceFolder(this.#options.stateDir, spec.instanceId) },
    };
  }

  /** Starts what was created and never started; leaves alone what runs or ran. */
  async #startOnce(ask: AskEngine, container: Docker.ContainerInspectInfo, handle: SandboxHandle): Promise<SandboxHandle> {
    const { Labels } = container.Config;
    if (Labels[LABELS.owner] !== this.#options.owner) {
      const name = containerName(handle.instanceId);
      throw new CcrError(
        "conflict",
        `There is a container ${name} already, which is another server's. Remove it, or start the run again.`,
      );
    }
    if (container.State.Status === "created") {
      await ask((docker) => docker.getContainer(container.Id).start()).catch((error: unknown) => {
        if (engineStatus(error) !== 304) throw error;
      });
    }
    return parseHandle(Labels[LABELS.handle] ?? "") ?? handle;
  }

  /** Also of a sandbox that another server of this machine made. */
  #folder(handle: SandboxHandle): string {
    requireOwnHandle(handle, this.name);
    return handleFolder(handle, this.#options.stateDir);
  }

  async #writeFolder(handle: SandboxHandle): Promise<{ passwd: string; group: string }> {
    const folder = this.#folder(handle);
    const accounts = accountFiles(sandboxIdentity(this.#server));
    const paths = { passwd: join(folder, "passwd"), group: join(folder, "group") };
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(join(folder, HANDLE_FILE), JSON.stringify(handle));
    await writeFile(paths.passwd, accounts.passwd, { mode: 0o644 });
    await writeFile(paths.group, accounts.group, { mode: 0o644 });
    return paths;
  }

  /** The handles of what may be half made: a folder is written before its container. */
  async #storedHandles(): Promise<string[]> {
    const names = await readdir(this.#options.stateDir).catch(() => []);
    return Promise.all(names.map((name) => readFile(join(this.#options.stateDir, name, HANDLE_FILE), "utf8").catch(() => "")));
  }

  /** Works with the engine, and makes its errors into sentences. */
  async #calling<Result>(what: string, work: (ask: AskEngine) => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    const socket = engineSocket(this.#options.engine);
    if ("problem" in socket) throw new CcrError("unavailable", socket.problem);
    try {
      return await work(engineAt(socket.socketPath, this.#answerWithinMs));
    } catch (error) {
      if (error instanceof CcrError || signal?.aborted) throw error;
      throw new CcrError("unavailable", `${describeEngineError(error, socket.socketPath)} (while ${what})`, { cause: error });
    }
  }
}

const HANDLE_FILE = "handle.json";

const parseHandle = (text: string): SandboxHandle | null => {
  try {
    return SandboxHandle.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
};

/**
 * Creates a container, or finds the one that has its name already. The call that creates is never broken off: the engine would go on,
 * and make the container after others have looked and found none.
 */
const createOrAdopt = async (
  ask: AskEngine,
  request: Docker.ContainerCreateOptions & { name: string },
  limits: { withinMs: number; signal: AbortSignal },
): Promise<Docker.ContainerInspectInfo> => {
  const { withinMs, signal } = limits;
  const giveUpAt = Date.now() + ADOPTED_WITHIN_MS;
  for (;;) {
    signal.throwIfAborted();
    const refusal = await ask((docker) => docker.createContainer(request), { withinMs }).then(
      () => null,
      (error: unknown) => error,
    );
    signal.throwIfAborted();
    if (refusal !== null && engineStatus(refusal) !== 409) throw refusal;
    const found = await inspectContainer(ask, request.name);
    if (found !== null) return found;
    // Taken, and not there: another call is just making it, or just removing it.
    if (refusal !== null && Date.now() > giveUpAt) throw refusal;
    await delay(50, undefined, { signal });
  }
};

const inspectContainer = (ask: AskEngine, name: string, withinMs?: number): Promise<Docker.ContainerInspectInfo | null> =>
  ask((docker) => docker.getContainer(name).inspect(), withinMs === undefined ? {} : { withinMs }).catch((error: unknown) => {
    if (engineStatus(error) === 404) return null;
    throw error;
  });

/** Kills and removes; when somebody is at it already, waits until it is done. */
const removeContainer = async (ask: AskEngine, instanceId: InstanceId): Promise<void> => {
  const giveUpAt = Date.now() + REMOVED_WITHIN_MS;
  for (;;) {
    try {
      await ask((docker) => docker.getContainer(containerName(instanceId)).remove({ force: true, v: true }));
      return;
    } catch (error) {
      if (engineStatus(error) === 404) return;
      if (Date.now() > giveUpAt) throw error;
      if (engineStatus(error) !== 409 && !/busy/i.test(engineMessage(error))) throw error;
      await delay(100);
    }
  }
};
