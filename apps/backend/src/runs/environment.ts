import {
  CcrError,
  type CreateRunInput,
  type Environment,
  type EnvironmentId,
  type RepositoryAddress,
  type RunEnvironment,
  repositoryKey,
  Setup,
  type Task,
} from "@ccr/protocol";
import type { Prepared } from "../store/environment-types.ts";
import type { MirroredRepository, RunDeps } from "./deps.ts";
import { RunEnded } from "./ending.ts";
import type { Scene } from "./scene.ts";

/** What a run keeps of an environment. */
export const copyOf = ({ version: _, createdAt: __, updatedAt: ___, ...copy }: Environment): RunEnvironment => copy;

/**
 * A copy of the environment of a new run: the one that its launch names, or else its task's, or else that of the repository; null: none. Throws
 * `CcrError` when it is not there, or not to be had on this server.
 */
export const environmentOf = async (
  deps: Pick<RunDeps, "store"> & { driver: Pick<RunDeps["driver"], "name">; images: object | null },
  launch: { input: Pick<CreateRunInput, "environmentId">; task: Pick<Task, "environmentId">; address: RepositoryAddress },
): Promise<RunEnvironment | null> => {
  const { input, task, address } = launch;
  const { environments } = deps.store;
  const get = async (id: EnvironmentId): Promise<Environment> => {
    const found = await environments.find(id);
    if (found === null)
      throw new CcrError("not_found", `There is no environment ${id}; environments.list shows those there are.`);
    return found;
  };
  if (input.environmentId === null) return null;
  const id = input.environmentId ?? task.environmentId;
  const environment = id === null ? await environments.findDefault(repositoryKey(address)) : await get(id);
  if (environment === null) return null;
  const problem = imageProblem(deps, environment);
  if (problem !== null) throw new CcrError("unprocessable", problem);
  return copyOf(environment);
};

/** Why the image of an environment cannot be had where sandboxes are made like this; null: it can. Pure. */
export const imageProblem = (
  { driver, images }: { driver: Pick<RunDeps["driver"], "name">; images: object | null },
  { name, image }: Pick<Environment, "name" | "image">,
): string | null =>
  image.kind === "default" || images !== null
    ? null
    : `The environment ${name} wants ${image.kind === "named" ? `the image ${image.name}` : "the image of a devcontainer.json"}, and this server makes sandboxes with ${driver.name}, which has no images. Choose another environment, or start the server with Docker.`;

/**
 * From what the run's sandboxes are made, as it is now: the image on which their executor image is built, and what the repository says beside
 * it. Nothing is set up yet. Throws `RunEnded` when the environment's image is not to be had.
 */
export const prepare = async (
  { run, deps }: Scene,
  given: { repository: MirroredRepository; report: (text: string) => void },
  signal: AbortSignal,
): Promise<Prepared> => {
  const { environment } = run;
  if (environment === null || environment.image.kind === "default") return { baseImage: null, setup: null };
  const problem = imageProblem(deps, environment);
  const { images, setup } = deps;
  // It was created by another server, or this one was started with another driver since.
  if (problem !== null || images === null) throw new RunEnded("setup_failed", problem ?? "");
  const { image } = environment;
  const { repository, report } = given;
  const resolve = (name: string): Promise<string> => images.resolveImage(name, report, signal);
  if (image.kind === "named") return { baseImage: await resolve(image.name), setup: null };
  if (setup.devcontainers === null) throw new RunEnded("setup_failed", "This server builds no devcontainer.json.");
  const order = {
    repository: repository.cloneUrl,
    path: image.path,
    archive: (until: AbortSignal) => setup.archiveOf(repository.mirrorPath, repository.commit, until),
  };
  const { image: built, ...devcontainer } = await setup.devcontainers.build(order, report, signal);
  return { baseImage: await resolve(built), devcontainer, setup: null };
};

/** A run's environment as it is set up: with what the repository's `devcontainer.json` adds to it. Pure. */
export const environmentAsPrepared = (environment: RunEnvironment, prepared: Prepared | null): RunEnvironment => {
  const found = prepared?.devcontainer;
  if (found === undefined) return environment;
  const { setup } = environment;
  const script = [found.script, setup?.script ?? ""].filter((part) => part !== "").join("\n");
  return {
    ...environment,
    variables: { ...found.variables, ...environment.variables },
    // Its author counts on packages being there to be had.
    setup: script === "" ? null : setup === null ? Setup.parse({ script, network: "packages" }) : { ...setup, script },
  };
};
