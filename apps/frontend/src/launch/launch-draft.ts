import { CreateRunInput, type TaskParameter } from "@ccr/protocol";
import { z } from "zod";
import { DeliveryDraft, emptyDelivery, validateDelivery } from "../delivery/delivery-draft.ts";
import { ConductDraft } from "./conduct.ts";
import { describeLimitProblem, limitsFromText } from "./limits.ts";
import { valuesOf } from "./parameters.ts";
import { RepositoryDraft, repositoriesInput, repositoryField, repositoryProblems } from "./repositories-draft.ts";
import { SeveralDraft } from "./several-draft.ts";

/** A launch as it is being filled in. */
export const LaunchDraft = z.object({
  taskId: z.string(),
  repository: z.string(),
  ref: z.string(),
  /** Drafts of earlier versions of this page have neither of the two. */
  directory: z.string().default(""),
  additionalRepositories: z.array(RepositoryDraft).default([]),
  model: z.string(),
  limits: z.record(z.string(), z.string()),
  delivery: DeliveryDraft.default(emptyDelivery("task")),
  several: SeveralDraft.optional(),
  /** As typed, by name; what was not touched is not there. */
  parameters: z.record(z.string(), z.string()).default({}),
  /** An id; `none`; or empty: the task's, or that of the repository. */
  environmentId: z.string().default(""),
  ...ConductDraft,
  /** Sent with the launch, so that sending it twice makes one run. */
  idempotencyKey: z.string(),
});
export type LaunchDraft = z.infer<typeof LaunchDraft>;

export type LaunchProblems = ReadonlyMap<string, string>;

/**
 * The launch of a task with these parameters as the server takes it, or what is wrong, by field: `taskId`, `repository`, `ref`, `model`, `limits.cpus`,
 * `parameters.version`; see also `repositoryProblems`.
 */
export const validateLaunch = (
  draft: LaunchDraft,
  parameters: readonly TaskParameter[] = [],
): { ok: true; input: CreateRunInput } | { ok: false; problems: LaunchProblems } => {
  if (draft.taskId === "") return { ok: false, problems: new Map([["taskId", "choose the task to run"]]) };
  const limits = limitsFromText(draft.limits);
  const parsed = CreateRunInput.safeParse({
    taskId: draft.taskId,
    repository: draft.repository,
    ...(draft.ref.trim() === "" ? {} : { ref: draft.ref }),
    ...repositoriesInput(draft),
    ...(draft.model.trim() === "" ? {} : { model: draft.model }),
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
    ...(draft.environmentId === "" ? {} : { environmentId: draft.environmentId === "none" ? null : draft.environmentId }),
    ...(draft.network === "" ? {} : { network: draft.network }),
    permissionMode: draft.permissionMode,
    asks: draft.asks,
    idempotencyKey: draft.idempotencyKey,
  });
  const delivery = validateDelivery(draft.delivery);
  const ofRepositories = repositoryProblems(draft);
  const asked = valuesOf(parameters, draft.parameters);
  if (parsed.success && delivery.ok && asked.ok && ofRepositories.size === 0)
    return {
      ok: true,
      input: {
        ...parsed.data,
        ...(delivery.settings === undefined ? {} : { delivery: delivery.settings }),
        ...(parameters.length === 0 ? {} : { parameters: asked.values }),
      },
    };
  const problems = new Map([...ofRepositories, ...(delivery.ok ? [] : delivery.problems), ...(asked.ok ? [] : asked.problems)]);
  if (!parsed.success)
    for (const { path, message } of parsed.error.issues) {
      const key = path.map(String).join(".");
      const ofLimit = path[0] === "limits" ? describeLimitProblem(String(path[1]), limits) : null;
      if (!problems.has(key)) problems.set(key, ofLimit ?? message);
    }
  return { ok: false, problems };
};

const FIELD_OF_REFUSAL =
  /^(repository|repositories|ref|directory|model|variants|additionalRepositories(?:[.[]\d+\]?\.(?:repository|ref|directory))?|parameters\.[\w-]+): (.+)$/s;

/** All that is wrong with parameters is said at once. */
const problemsOfParameters = (sentence: string): LaunchProblems =>
  new Map(
    sentence.split(/; (?=parameters\.[\w-]+: )/).flatMap((part): [string, string][] => {
      const [, field, problem] = /^(parameters\.[\w-]+): (.+?)\.?$/s.exec(part) ?? [];
      return field === undefined || problem === undefined ? [] : [[field, problem]];
    }),
  );

/** The server's refusal of a launch, by field where it names one: `repository: …`. Null when it is about something else. */
export const problemsOfRefusal = (sentence: string): LaunchProblems | null => {
  const [, field, problem] = FIELD_OF_REFUSAL.exec(sentence) ?? [];
  if (field === undefined || problem === undefined) return null;
  if (field.startsWith("parameters.")) return problemsOfParameters(sentence);
  if (field === "variants") return new Map([["models", problem]]);
  // What is wrong with them together stands at the first one.
  if (field === "additionalRepositories") return new Map([[repositoryField(0, "repository"), problem]]);
  return new Map([[field.replace(/\[(\d+)\]/, ".$1"), problem]]);
};
