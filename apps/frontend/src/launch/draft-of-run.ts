import { checkoutsOf, directoriesFor, type GivenLimits, type Run } from "@ccr/protocol";
import { draftOfDelivery } from "../delivery/delivery-draft.ts";
import { storeDraft } from "../ui/draft.ts";
import type { LaunchDraft } from "./launch-draft.ts";
import { launchDraftKey, newIdempotencyKey } from "./launch-keys.ts";
import { textFromLimits } from "./limits.ts";

// Apart from the rest of a launch, so that the page of a run does not load all of that.

type Repositories = Parameters<typeof checkoutsOf>[0];

/** Folders that the repositories would get by themselves are left out. */
const repositoriesOf = (run: Repositories): Pick<LaunchDraft, "directory" | "additionalRepositories"> => {
  const all = checkoutsOf(run);
  const own = directoriesFor(all.map(({ repository }) => ({ repository })));
  const areOwn = own.ok && all.every(({ directory }, index) => directory === own.directories[index]);
  return {
    directory: areOwn ? "" : (run.directory ?? ""),
    additionalRepositories: run.additionalRepositories.map(({ repository, ref, directory }, index) => ({
      key: String(index + 1),
      repository,
      ref: ref ?? "",
      directory: areOwn ? "" : directory,
    })),
  };
};

/** The launch that would do once more what this run did; `given` are the limits that its task has of its own. */
export const draftOfRun = (
  run: Pick<
    Run,
    | "taskId"
    | "model"
    | "limits"
    | "delivery"
    | "environment"
    | "parameters"
    | "permissionMode"
    | "asks"
    | "network"
    | "networkBy"
  > &
    Repositories,
  given?: GivenLimits,
): LaunchDraft => ({
  taskId: run.taskId,
  repository: run.repository,
  ref: run.ref ?? "",
  ...repositoriesOf(run),
  model: run.model ?? "",
  limits: textFromLimits(run.limits, given),
  parameters: run.parameters,
  permissionMode: run.permissionMode,
  asks: run.asks,
  // What the environment said it says again.
  network: run.networkBy === "launch" || run.networkBy === "task" ? run.network : "",
  delivery: draftOfDelivery(run.delivery),
  environmentId: run.environment?.id ?? "none",
  idempotencyKey: newIdempotencyKey(),
});

/** Keeps that as what stands in the launch form of the run's task. */
export const storeDraftOfRun = (run: Parameters<typeof draftOfRun>[0], given?: GivenLimits): void =>
  storeDraft(launchDraftKey(run.taskId), draftOfRun(run, given));
