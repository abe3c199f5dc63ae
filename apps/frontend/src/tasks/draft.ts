import { CreateTaskInput, NETWORK_PRESETS, type Step, type TaskContent } from "@ccr/protocol";
import { z } from "zod";
import { DeliveryDraft, draftOfDelivery, emptyDelivery, validateDelivery } from "../delivery/delivery-draft.ts";
import { describeLimitProblem, limitsFromText, textFromGiven } from "../launch/limits.ts";
import { draftsOfParameters, ParameterDraft, parametersFromDrafts } from "./parameters-draft.ts";
import { type DraftStep, StepDraft } from "./steps-draft.ts";

const DefaultsDraft = z.object({
  repository: z.string(),
  ref: z.string(),
  model: z.string(),
  /** As in the form of a launch. */
  limits: z.record(z.string(), z.string()),
  /** Empty: as the environment says. */
  network: z.enum(["", ...NETWORK_PRESETS]).default(""),
});
export type DefaultsDraft = z.infer<typeof DefaultsDraft>;

const NO_DEFAULTS: DefaultsDraft = { repository: "", ref: "", model: "", limits: {}, network: "" };

/** A task as it is being written. Nothing in it need be valid. */
export const TaskDraft = z.object({
  name: z.string(),
  steps: z.array(StepDraft),
  /** Drafts of earlier versions of this page do not have these. */
  allowNoChanges: z.boolean().default(false),
  delivery: DeliveryDraft.default(emptyDelivery("nowhere")),
  /** Empty: the repository's, if it has one. */
  environmentId: z.string().default(""),
  parameters: z.array(ParameterDraft).default([]),
  defaults: DefaultsDraft.default(NO_DEFAULTS),
  /** The version that was the start; null for a new task. */
  base: z.string().nullable(),
});
export type TaskDraft = z.infer<typeof TaskDraft>;

export const emptyDraft = (): TaskDraft => ({
  name: "",
  steps: [{ key: "1", instructions: "", checks: "" }],
  allowNoChanges: false,
  delivery: emptyDelivery("nowhere"),
  environmentId: "",
  parameters: [],
  defaults: NO_DEFAULTS,
  base: null,
});

/** A version of a task, to be written on. */
export const draftOf = (task: TaskContent & { version: number }): TaskDraft => ({
  name: task.name,
  steps: task.steps.map(({ instructions, checks }, index) => ({ key: String(index + 1), instructions, checks })),
  allowNoChanges: task.allowNoChanges,
  delivery: draftOfDelivery(task.delivery),
  environmentId: task.environmentId ?? "",
  parameters: draftsOfParameters(task.parameters),
  defaults: {
    repository: task.defaults.repository ?? "",
    ref: task.defaults.ref ?? "",
    model: task.defaults.model ?? "",
    limits: textFromGiven(task.defaults.limits),
    network: task.defaults.network ?? "",
  },
  base: String(task.version),
});

const stepsOf = (steps: readonly DraftStep[]): Step[] => steps.map(({ instructions, checks }) => ({ instructions, checks }));

const filled = (limits: Readonly<Record<string, string>>) =>
  Object.entries(limits)
    .filter(([, text]) => text.trim() !== "")
    .toSorted(([one], [other]) => (one < other ? -1 : 1));

/** Whether saving would change something. */
export const isChanged = (draft: TaskDraft, saved: TaskDraft): boolean => {
  const parts = ({ steps, defaults, parameters, base: _, ...rest }: TaskDraft) => ({
    ...rest,
    steps: stepsOf(steps),
    parameters: parameters.map(({ key: __, ...parameter }) => parameter),
    defaults: { ...defaults, limits: filled(defaults.limits) },
  });
  const [one, other] = [parts(draft), parts(saved)];
  // Field by field: the order in which they stand says nothing.
  return Object.keys(one).some((field) => JSON.stringify(Reflect.get(one, field)) !== JSON.stringify(Reflect.get(other, field)));
};

/** What is wrong with a draft, by the path of the field: `name`, `steps`, `steps.0.instructions`, `parameters.1.name`, `defaults.limits.cpus`. */
export type Problems = ReadonlyMap<string, string>;

const orNull = (text: string): string | null => (text.trim() === "" ? null : text);

/** The draft as the server takes it, or what is wrong with it in the server's own words. */
export const validateDraft = (draft: TaskDraft): { ok: true; input: CreateTaskInput } | { ok: false; problems: Problems } => {
  const { name, allowNoChanges, defaults } = draft;
  const limits = limitsFromText(defaults.limits);
  const parsed = CreateTaskInput.safeParse({
    name,
    steps: stepsOf(draft.steps),
    allowNoChanges,
    environmentId: orNull(draft.environmentId),
    parameters: parametersFromDrafts(draft.parameters),
    defaults: {
      repository: orNull(defaults.repository),
      ref: orNull(defaults.ref),
      model: orNull(defaults.model),
      limits,
      network: orNull(defaults.network),
    },
  });
  const delivery = validateDelivery(draft.delivery);
  if (parsed.success && delivery.ok) return { ok: true, input: { ...parsed.data, delivery: delivery.settings ?? null } };
  const problems = new Map(delivery.ok ? [] : delivery.problems);
  for (const { path, message } of parsed.error?.issues ?? []) {
    const key = path.map(String).join(".");
    const ofLimit = key.startsWith("defaults.limits.") ? describeLimitProblem(String(path[2]), limits) : null;
    if (!problems.has(key)) problems.set(key, ofLimit ?? message);
  }
  return { ok: false, problems };
};
