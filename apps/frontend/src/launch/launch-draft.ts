import { CreateRunInput, type Run, type TaskId } from "@ccr/protocol";
import { z } from "zod";
import { DeliveryDraft, draftOfDelivery, emptyDelivery, validateDelivery } from "../delivery/delivery-draft.ts";
import { describeLimitProblem, limitsFromText, textFromLimits } from "./limits.ts";
import { SeveralDraft } from "./several-draft.ts";

/** A launch as it is being filled in. */
export const LaunchDraft = z.object({
  taskId: z.string(),
  repository: z.string(),
  ref: z.string(),
  model: z.string(),
  limits: z.record(z.string(), z.string()),
  delivery: DeliveryDraft.default(emptyDelivery("task")),
  several: SeveralDraft.optional(),
  /** An id; `none`; or empty: the task's, or that of the repository. */
  environmentId: z.string().default(""),
  /** Sent with the launch, so that sending it twice makes one run. */
  idempotencyKey: z.string(),
});
export type LaunchDraft = z.infer<typeof LaunchDraft>;

/** A fresh key; `crypto.randomUUID` is not there on plain http. */
export const newIdempotencyKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Under which name of the browser's storage the launch of a task is kept while it is filled in; null: of any task. */
export const launchDraftKey = (taskId: TaskId | null): string => `ccr.draft.launch.${taskId ?? "home"}`;

/** The launch that would do once more what this run did. */
export const draftOfRun = (
  run: Pick<Run, "taskId" | "repository" | "ref" | "model" | "limits" | "delivery" | "environment">,
): LaunchDraft => ({
  taskId: run.taskId,
  repository: run.repository,
  ref: run.ref ?? "",
  model: run.model ?? "",
  limits: textFromLimits(run.limits),
  delivery: draftOfDelivery(run.delivery),
  environmentId: run.environment?.id ?? "none",
  idempotencyKey: newIdempotencyKey(),
});

export type LaunchProblems = ReadonlyMap<string, string>;

/** The launch as the server takes it, or what is wrong, by field: `taskId`, `repository`, `ref`, `model`, `limits.cpus`. */
export const validateLaunch = (
  draft: LaunchDraft,
): { ok: true; input: CreateRunInput } | { ok: false; problems: LaunchProblems } => {
  if (draft.taskId === "") return { ok: false, problems: new Map([["taskId", "choose the task to run"]]) };
  const limits = limitsFromText(draft.limits);
  const parsed = CreateRunInput.safeParse({
    taskId: draft.taskId,
    repository: draft.repository,
    ...(draft.ref.trim() === "" ? {} : { ref: draft.ref }),
    ...(draft.model.trim() === "" ? {} : { model: draft.model }),
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
    ...(draft.environmentId === "" ? {} : { environmentId: draft.environmentId === "none" ? null : draft.environmentId }),
    idempotencyKey: draft.idempotencyKey,
  });
  const delivery = validateDelivery(draft.delivery);
  if (parsed.success && delivery.ok)
    return { ok: true, input: { ...parsed.data, ...(delivery.settings === undefined ? {} : { delivery: delivery.settings }) } };
  const problems = new Map(delivery.ok ? [] : delivery.problems);
  if (!parsed.success)
    for (const { path, message } of parsed.error.issues) {
      const key = path.map(String).join(".");
      const ofLimit = path[0] === "limits" ? describeLimitProblem(String(path[1]), limits) : null;
      if (!problems.has(key)) problems.set(key, ofLimit ?? message);
    }
  return { ok: false, problems };
};

/** The server's refusal of a launch, by field where it names one: `repository: …`. Null when it is about something else. */
export const problemsOfRefusal = (sentence: string): LaunchProblems | null => {
  const [, field, problem] = /^(repository|repositories|ref|model|variants): (.+)$/s.exec(sentence) ?? [];
  if (field === undefined || problem === undefined) return null;
  return new Map([[field === "variants" ? "models" : field, problem]]);
};
