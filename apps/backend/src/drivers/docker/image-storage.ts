import { CcrError } from "@ccr/protocol";
import type { ImageStorage, StoredImage } from "../types.ts";
import { type AskEngine, describeEngineError, engineAt, engineSocket, engineStatus } from "./engine.ts";
import { HASH_LABEL, REPOSITORY } from "./image.ts";
import { LABELS } from "./plan.ts";

export type DockerImageStorageOptions = {
  engine?: string | undefined;
  owner: string;
  /** Which image sandboxes would get now. */
  images: { reference(): Promise<string> };
};

/** The executor images of one server on a Docker Engine. */
export class DockerImageStorage implements ImageStorage {
  readonly #options: DockerImageStorageOptions;

  constructor(options: DockerImageStorageOptions) {
    this.#options = options;
  }

  async list(signal: AbortSignal): Promise<StoredImage[]> {
    const current = await this.#options.images.reference();
    return this.#asking(async (ask) => {
      const filters = { label: [`${LABELS.owner}=${this.#options.owner}`, HASH_LABEL] };
      const images = await ask((docker) => docker.listImages({ filters }), { signal });
      // Those that have ended count too: they are looked at before they are removed.
      const containers = await ask((docker) => docker.listContainers({ all: true }), { signal });
      const used = new Set(containers.map((container) => container.ImageID));
      return images.flatMap((image) =>
        (image.RepoTags ?? [])
          .filter((tag) => tag.startsWith(`${REPOSITORY}:`))
          .map((reference) => ({
            reference,
            bytes: image.Size,
            createdAt: new Date(image.Created * 1000),
            isCurrent: reference === current,
            inUse: used.has(image.Id),
          })),
      );
    });
  }

  async remove(reference: string, signal: AbortSignal): Promise<void> {
    await this.#asking(async (ask) => {
      try {
        await ask((docker) => docker.getImage(reference).remove(), { signal });
      } catch (error) {
        if (engineStatus(error) !== 404) throw error;
      }
    });
  }

  async root(signal: AbortSignal): Promise<string> {
    const info: unknown = await this.#asking((ask) => ask((docker) => docker.info(), { signal }));
    if (typeof info === "object" && info !== null && "DockerRootDir" in info && typeof info.DockerRootDir === "string") {
      return info.DockerRootDir;
    }
    throw new CcrError("unavailable", "The Docker Engine does not say where it keeps its images.");
  }

  async #asking<Result>(act: (ask: AskEngine) => Promise<Result>): Promise<Result> {
    const socket = engineSocket(this.#options.engine);
    if ("problem" in socket) throw new CcrError("unavailable", socket.problem);
    try {
      return await act(engineAt(socket.socketPath));
    } catch (error) {
      if (error instanceof CcrError) throw error;
      throw new CcrError("unavailable", describeEngineError(error, socket.socketPath), { cause: error });
    }
  }
}
