import { CreateBatchInput, runsOfBatch, type TaskParameter } from "@ccr/protocol";
import { z } from "zod";
import { validateDelivery } from "../delivery/delivery-draft.ts";
import { numberOf } from "../ui/number-of.ts";
import type { LaunchDraft, LaunchProblems } from "./launch-draft.ts";
import { describeLimitProblem, limitsFromText } from "./limits.ts";
import { valuesOf } from "./parameters.ts";
import { repositoryField } from "./repositories-draft.ts";

/** What makes of a launch many, as it is being filled in. */
export const SeveralDraft = z.object({
  /** Beside the launch's own, one per line. */
  repositories: z.string(),
  models: z.string(),
  taskIds: z.array(z.string()),
  attempts: z.string(),
  atOnce: z.string(),
});
export type SeveralDraft = z.infer<typeof SeveralDraft>;

export const NOT_SEVERAL: SeveralDraft = { repositories: "", models: "", taskIds: [], attempts: "", atOnce: "" };

/** Each once, in order. */
const linesOf = (...texts: string[]): string[] => [
  ...new Set(
    texts
      .flatMap((text) => text.split("\n"))
      .map((line) => line.trim())
      .filter((line) => line !== ""),
  ),
];

type Launch = Pick<LaunchDraft, "taskId" | "repository" | "model" | "several">;

const partsOf = ({ taskId, repository, model, several = NOT_SEVERAL }: Launch) => {
  const models = linesOf(several.models).filter((line) => line !== model.trim());
  return {
    repositories: linesOf(repository, several.repositories),
    models: [model.trim(), ...models],
    taskIds: [...new Set([taskId, ...several.taskIds])],
    attempts: several.attempts.trim() === "" ? 1 : numberOf(several.attempts),
  };
};

/** Whether a launch is one of several runs, as it is filled in. Pure. */
export const isSeveral = (draft: Launch): boolean => {
  const { repositories, models, taskIds, attempts } = partsOf(draft);
  return repositories.length > 1 || models.length > 1 || taskIds.length > 1 || attempts !== 1;
};

/** How many runs a launch makes; null: it cannot be told. Pure. */
export const countRuns = (draft: Launch): number | null => {
  const { repositories, models, taskIds, attempts } = partsOf(draft);
  const variants = models.flatMap((model) => taskIds.map((taskId) => [model, taskId]));
  const runs = runsOfBatch({ repositories, variants, attempts });
  return Number.isInteger(runs) && runs > 0 ? runs : null;
};

/** What is wrong with repositories beside the first one where a launch is of several runs, by field. Pure. */
export const problemsOfBeside = ({ additionalRepositories }: Pick<LaunchDraft, "additionalRepositories">): LaunchProblems =>
  new Map(
    additionalRepositories.map((_, index) => [
      repositoryField(index, "repository"),
      "several at once have one repository each: remove this one, or leave “Several at once” empty",
    ]),
  );

/** The field in which a problem of the protocol's input was typed. */
const fieldOf = ([first, index]: readonly PropertyKey[]): string => {
  if (first === "repositories") return index === 0 ? "repository" : "repositories";
  if (first === "variants") return index === 0 ? "model" : "models";
  if (first === "limits") return `limits.${String(index)}`;
  // That there are too many runs is about all of them.
  return first === undefined ? "attempts" : String(first);
};

/** The launch of several runs as the server takes it, or what is wrong, by field. Pure. */
export const validateSeveral = (
  draft: LaunchDraft,
  parameters: readonly TaskParameter[] = [],
): { ok: true; input: CreateBatchInput } | { ok: false; problems: LaunchProblems } => {
  const { repositories, models, taskIds, attempts } = partsOf(draft);
  const limits = limitsFromText(draft.limits);
  const atOnce = draft.several?.atOnce.trim() ?? "";
  const parsed = CreateBatchInput.safeParse({
    taskId: draft.taskId,
    repositories: repositories.map((repository) => ({
      repository,
      ...(draft.ref.trim() === "" ? {} : { ref: draft.ref }),
    })),
    variants: taskIds.flatMap((taskId) =>
      models.map((model) => ({
        ...(taskId === draft.taskId ? {} : { taskId }),
        ...(model === "" ? {} : { model }),
      })),
    ),
    attempts,
    ...(atOnce === "" ? {} : { maxConcurrent: numberOf(atOnce) }),
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
    ...(draft.environmentId === "" ? {} : { environmentId: draft.environmentId === "none" ? null : draft.environmentId }),
    ...(draft.network === "" ? {} : { network: draft.network }),
    idempotencyKey: draft.idempotencyKey,
  });
  const delivery = validateDelivery(draft.delivery);
  const beside = problemsOfBeside(draft);
  const asked = valuesOf(parameters, draft.parameters);
  if (parsed.success && delivery.ok && asked.ok && beside.size === 0)
    return {
      ok: true,
      input: {
        ...parsed.data,
        ...(delivery.settings === undefined ? {} : { delivery: delivery.settings }),
        ...(parameters.length === 0 ? {} : { parameters: asked.values }),
      },
    };
  const problems = new Map([...beside, ...(delivery.ok ? [] : delivery.problems), ...(asked.ok ? [] : asked.problems)]);
  for (const { path, message } of parsed.error?.issues ?? []) {
    const field = fieldOf(path);
    const ofLimit = path[0] === "limits" ? describeLimitProblem(String(path[1]), limits) : null;
    if (!problems.has(field)) problems.set(field, ofLimit ?? message);
  }
  return { ok: false, problems };
};
