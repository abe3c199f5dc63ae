import { CreateTaskInput, type Step, type Task } from "@ccr/protocol";
import { z } from "zod";
import { DeliveryDraft, draftOfDelivery, emptyDelivery, validateDelivery } from "../delivery/delivery-draft.ts";

/** A task as it is being written. Nothing in it need be valid. */
export const TaskDraft = z.object({
  name: z.string(),
  steps: z.array(z.object({ key: z.string(), instructions: z.string(), checks: z.string() })),
  /** Drafts of earlier versions of this page do not have it. */
  allowNoChanges: z.boolean().default(false),
  delivery: DeliveryDraft.default(emptyDelivery("nowhere")),
  /** Empty: the repository's, if it has one. */
  environmentId: z.string().default(""),
  /** The version that was the start; null for a new task. */
  base: z.string().nullable(),
});
export type TaskDraft = z.infer<typeof TaskDraft>;
export type DraftStep = TaskDraft["steps"][number];

/** Keys only tell the steps of one draft apart. */
const nextKey = (steps: readonly DraftStep[]): string => String(Math.max(0, ...steps.map(({ key }) => Number(key))) + 1);

export const emptyDraft = (): TaskDraft => ({
  name: "",
  steps: [{ key: "1", instructions: "", checks: "" }],
  allowNoChanges: false,
  delivery: emptyDelivery("nowhere"),
  environmentId: "",
  base: null,
});

export const draftOf = (task: Task): TaskDraft => ({
  name: task.name,
  steps: task.steps.map(({ instructions, checks }, index) => ({ key: String(index + 1), instructions, checks })),
  allowNoChanges: task.allowNoChanges,
  delivery: draftOfDelivery(task.delivery),
  environmentId: task.environmentId ?? "",
  base: task.updatedAt,
});

const stepsOf = (draft: TaskDraft): Step[] => draft.steps.map(({ instructions, checks }) => ({ instructions, checks }));

/** Whether saving would change something. */
export const isChanged = (draft: TaskDraft, saved: TaskDraft): boolean =>
  draft.name !== saved.name ||
  draft.allowNoChanges !== saved.allowNoChanges ||
  JSON.stringify(draft.delivery) !== JSON.stringify(saved.delivery) ||
  draft.environmentId !== saved.environmentId ||
  JSON.stringify(stepsOf(draft)) !== JSON.stringify(stepsOf(saved));

export type StepEdit =
  | { type: "add" }
  | { type: "remove"; key: string }
  | { type: "duplicate"; key: string }
  | { type: "move"; key: string; by: -1 | 1 }
  | { type: "change"; key: string; instructions?: string; checks?: string };

const editStep = (steps: readonly DraftStep[], step: DraftStep, edit: Exclude<StepEdit, { type: "add" }>): DraftStep[] => {
  const index = steps.indexOf(step);
  const rest = steps.filter((other) => other !== step);
  switch (edit.type) {
    case "remove":
      return rest.length === 0 ? [...steps] : rest;
    case "duplicate":
      return [...steps.slice(0, index + 1), { ...step, key: nextKey(steps) }, ...steps.slice(index + 1)];
    case "move": {
      const target = Math.min(rest.length, Math.max(0, index + edit.by));
      return [...rest.slice(0, target), step, ...rest.slice(target)];
    }
    case "change": {
      const { instructions = step.instructions, checks = step.checks } = edit;
      return steps.map((other) => (other === step ? { ...step, instructions, checks } : other));
    }
  }
};

/** The steps after an edit. The last step cannot be removed; what would move out of the list stays. */
export const editSteps = (steps: readonly DraftStep[], edit: StepEdit): DraftStep[] => {
  if (edit.type === "add") return [...steps, { key: nextKey(steps), instructions: "", checks: "" }];
  const step = steps.find(({ key }) => key === edit.key);
  return step === undefined ? [...steps] : editStep(steps, step, edit);
};

/** What is wrong with a draft, by the path of the field: `name`, `steps`, `steps.0.instructions`. */
export type Problems = ReadonlyMap<string, string>;

/** The draft as the server takes it, or what is wrong with it in the server's own words. */
export const validateDraft = (draft: TaskDraft): { ok: true; input: CreateTaskInput } | { ok: false; problems: Problems } => {
  const { name, allowNoChanges } = draft;
  const environmentId = draft.environmentId === "" ? null : draft.environmentId;
  const parsed = CreateTaskInput.safeParse({ name, steps: stepsOf(draft), allowNoChanges, environmentId });
  const delivery = validateDelivery(draft.delivery);
  if (parsed.success && delivery.ok) return { ok: true, input: { ...parsed.data, delivery: delivery.settings ?? null } };
  const problems = new Map(delivery.ok ? [] : delivery.problems);
  if (!parsed.success)
    for (const { path, message } of parsed.error.issues) {
      const key = path.map(String).join(".");
      if (!problems.has(key)) problems.set(key, message);
    }
  return { ok: false, problems };
};
