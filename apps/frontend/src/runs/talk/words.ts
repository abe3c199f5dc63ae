import type { PermissionMode, Question, Run, RunInput } from "@ccr/protocol";
import { z } from "zod";

/* What is said on the page about talking to a run. */

export const MODE_LABELS: Record<PermissionMode, { label: string; hint: string }> = {
  bypassPermissions: { label: "Works freely", hint: "It asks for nothing: the sandbox holds it." },
  acceptEdits: { label: "Edits freely", hint: "It changes files as it likes, and asks before other things." },
  default: { label: "Asks first", hint: "It asks before it changes a file or runs a command." },
  plan: { label: "Plans first", hint: "It only reads, until you have approved its plan." },
};

/** One of a question's options. */
export type Choice = { label: string; description: string };
/** A question of Claude Code's own. */
export type Asked = { question: string; header: string; isMultiple: boolean; options: readonly Choice[] };

const Input = z.object({
  questions: z.array(
    z.object({
      question: z.string(),
      header: z.string().catch(""),
      multiSelect: z.boolean().catch(false),
      options: z.array(z.object({ label: z.string(), description: z.string().catch("") })).catch([]),
    }),
  ),
});

/** What is asked in a question of the kind `choice`; none when it is not told. Pure. */
export const askedIn = ({ input }: Pick<Question, "input">): readonly Asked[] => {
  const parsed = Input.safeParse(input);
  if (!parsed.success) return [];
  return parsed.data.questions.map(({ multiSelect, ...asked }) => ({ ...asked, isMultiple: multiSelect }));
};

/** What a person has chosen for one question: options, and words of their own. */
export type Chosen = { labels: readonly string[]; other: string };

/** The answer that is sent, or null as long as something is open. Pure. */
export const answersOf = (asked: readonly Asked[], chosen: ReadonlyMap<string, Chosen>): Record<string, string> | null => {
  const answers: Record<string, string> = {};
  for (const { question } of asked) {
    const { labels = [], other = "" } = chosen.get(question) ?? {};
    const said = [...labels, ...(other.trim() === "" ? [] : [other.trim()])];
    if (said.length === 0) return null;
    answers[question] = said.join(", ");
  }
  return answers;
};

/** The plan in a question of the kind `plan`; null when it is not told. Pure. */
export const planIn = ({ input }: Pick<Question, "input">): string | null => {
  const plan = input?.plan;
  return typeof plan === "string" && plan.trim() !== "" ? plan : null;
};

/** What a tool is to be used for, in its own form: a command or a path, else all of its input. Pure. */
export const subjectOf = ({ input }: Pick<Question, "input">): string | null => {
  if (input === null) return null;
  for (const name of ["command", "file_path", "notebook_path", "url", "pattern"]) {
    const value = input[name];
    if (typeof value === "string") return value;
  }
  return Object.keys(input).length === 0 ? null : JSON.stringify(input, null, 2);
};

/** What was said and waits to be told. */
export type QueuedPrompt = Omit<RunInput, "body"> & { text: string };

const promptsOf = (inputs: readonly RunInput[], state: RunInput["state"]): QueuedPrompt[] =>
  inputs.flatMap(({ body, ...input }) =>
    input.state === state && body.kind === "prompt" ? [{ ...input, text: body.text }] : [],
  );

/** The prompts that wait. Pure. */
export const queuedPrompts = (inputs: readonly RunInput[]): QueuedPrompt[] => promptsOf(inputs, "queued");
/** The prompts that came too late. Pure. */
export const untoldPrompts = (inputs: readonly RunInput[]): QueuedPrompt[] => promptsOf(inputs, "late");

type Conduct = Pick<Run, "model" | "permissionMode">;
/** A wish for another conduct; what is left out stays. */
type ConductChange = { model?: string | null | undefined; permissionMode?: PermissionMode | undefined };

/** How the agent works once it was told all of this, in this order. Pure. */
export const conductAfter = ({ model, permissionMode }: Conduct, changes: readonly ConductChange[]): Conduct =>
  changes.reduce<Conduct>(
    (now, change) => ({
      model: change.model === undefined ? now.model : change.model,
      permissionMode: change.permissionMode ?? now.permissionMode,
    }),
    { model, permissionMode },
  );

/** What was wished for another conduct and is not told yet, and how it stands with the last of all of them; null: none was. Pure. */
export const conductWishes = (inputs: readonly RunInput[]) => {
  const wishes = inputs.flatMap(({ body, state }) => (body.kind === "configure" ? [{ ...body, state }] : []));
  return { waiting: wishes.filter(({ state }) => state === "queued"), last: wishes.at(-1)?.state ?? null };
};

/** Whether an answer to this question is on its way. Pure. */
export const isBeingAnswered = (inputs: readonly RunInput[], questionId: string): boolean =>
  inputs.some(({ state, body }) => state === "queued" && body.kind === "answer" && body.questionId === questionId);
