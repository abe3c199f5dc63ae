import { z } from "zod";

export const StepDraft = z.object({ key: z.string(), instructions: z.string(), checks: z.string() });
export type DraftStep = z.infer<typeof StepDraft>;

export type StepEdit =
  /** Before the step of this index; at the end, when there is none. */
  | { type: "insert"; index: number }
  | { type: "remove"; key: string }
  /** What was removed comes back to its place. */
  | { type: "restore"; step: DraftStep; index: number }
  | { type: "duplicate"; key: string }
  | { type: "move"; key: string; by: -1 | 1 }
  /** To the place of another one, as it is dropped there. */
  | { type: "place"; key: string; at: string }
  | { type: "change"; key: string; instructions?: string; checks?: string };

/** Keys only tell the steps of one draft apart. */
const nextKey = (steps: readonly DraftStep[]): string => String(Math.max(0, ...steps.map(({ key }) => Number(key))) + 1);

const insert = (steps: readonly DraftStep[], index: number, step: DraftStep): DraftStep[] => {
  const at = Math.min(steps.length, Math.max(0, index));
  return [...steps.slice(0, at), step, ...steps.slice(at)];
};

const editOne = (
  steps: readonly DraftStep[],
  step: DraftStep,
  edit: Exclude<StepEdit, { type: "insert" | "restore" }>,
): DraftStep[] => {
  const index = steps.indexOf(step);
  const rest = steps.filter((other) => other !== step);
  switch (edit.type) {
    case "remove":
      return rest.length === 0 ? [...steps] : rest;
    case "duplicate":
      return insert(steps, index + 1, { ...step, key: nextKey(steps) });
    case "move":
      return insert(rest, index + edit.by, step);
    case "place": {
      const target = steps.findIndex(({ key }) => key === edit.at);
      return target === -1 ? [...steps] : insert(rest, target, step);
    }
    case "change": {
      const { instructions = step.instructions, checks = step.checks } = edit;
      return steps.map((other) => (other === step ? { ...step, instructions, checks } : other));
    }
  }
};

/** The steps after an edit. The last step cannot be removed; what would move out of the list stays; a step that is gone is not edited. Pure. */
export const editSteps = (steps: readonly DraftStep[], edit: StepEdit): DraftStep[] => {
  const key = nextKey(steps);
  if (edit.type === "insert") return insert(steps, edit.index, { key, instructions: "", checks: "" });
  if (edit.type === "restore") return insert(steps, edit.index, { ...edit.step, key });
  const step = steps.find((each) => each.key === edit.key);
  return step === undefined ? [...steps] : editOne(steps, step, edit);
};
