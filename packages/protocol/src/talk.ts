import { z } from "zod";
import { InputId, RunId, Timestamp } from "./ids.ts";

/**
 * Claude Code's own names for what it may do without asking. In a sandbox that holds no secret and has no open network it may do everything, which is
 * the default; `plan` lets it read alone until a person has approved its plan.
 */
export const PERMISSION_MODES = ["bypassPermissions", "acceptEdits", "default", "plan"] as const;
export const PermissionMode = z.enum(PERMISSION_MODES);
export type PermissionMode = z.infer<typeof PermissionMode>;

export const DEFAULT_PERMISSION_MODE: PermissionMode = "bypassPermissions";

/** The longest text that is told to the agent at once, in UTF-16 code units. */
export const SAID_MAX = 256 * 1024;
/** What a question shows of the call that it is about; a longer one stands in the transcript alone. In UTF-16 code units of JSON. */
export const QUESTION_INPUT_MAX = 64 * 1024;

/**
 * What an agent waits for a person to say. `permission`: whether it may call a tool. `choice`: it asks itself, with the tool AskUserQuestion. `plan`:
 * whether it may go on with its plan. `interrupted`: a person has broken off its turn, and it is to be told what to do instead.
 */
export const QUESTION_KINDS = ["permission", "choice", "plan", "interrupted"] as const;

export const Question = z.object({
  /** Of one run, no two have the same. */
  questionId: z.string().min(1).max(200),
  kind: z.enum(QUESTION_KINDS),
  toolName: z.string().nullable(),
  /** The call in the transcript that it is about. */
  toolUseId: z.string().nullable(),
  /** What the tool was called with; null: it is too long to be told here. */
  input: z.record(z.string(), z.unknown()).nullable(),
  /** In Claude Code's own words, what it wants to do and why it has to ask; null: it says nothing of that. */
  description: z.string().max(2000).nullable(),
  /** Whether an answer may hold for the rest of the conversation as well. */
  canBeAlways: z.boolean(),
  at: Timestamp,
});
export type Question = z.infer<typeof Question>;

/** What a run waits for, in a sentence. Pure. */
export const waitingFor = (questions: readonly Pick<Question, "kind" | "toolName">[]): string => {
  const [first] = questions;
  switch (first?.kind) {
    case "permission":
      return `Claude Code asks whether it may use ${first.toolName ?? "a tool"}.`;
    case "plan":
      return "Claude Code has made a plan, and asks whether it may go on with it.";
    case "interrupted":
      return "Claude Code was interrupted, and waits to be told what to do.";
    case "choice":
    case undefined:
      return "Claude Code asks a question.";
  }
};

const Words = z.string().trim().max(SAID_MAX);

/** What a person answers. `allow` fits every question but a choice, `choose` that alone. */
export const Answer = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("allow"),
    /** It is not asked again for the like of it in this conversation. */
    always: z.boolean().default(false),
    /** What it may do from then on, when it is a plan that is approved. */
    permissionMode: PermissionMode.optional(),
  }),
  z.strictObject({
    kind: z.literal("deny"),
    /** Said to the agent. */
    message: Words.default(""),
  }),
  z.strictObject({
    kind: z.literal("choose"),
    /** By the question's text, the label of the chosen option, or words of one's own; several labels are joined by ", ". */
    answers: z.record(z.string(), z.string().max(10_000)),
  }),
]);
export type Answer = z.infer<typeof Answer>;

/** Who answered: a person, or nobody within the time that the run grants. */
export const AnsweredBy = z.enum(["person", "nobody"]);
export type AnsweredBy = z.infer<typeof AnsweredBy>;

/** What a person wants of an agent. */
export const InputBody = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("prompt"), text: z.string().min(1).max(SAID_MAX) }),
  z.object({ kind: z.literal("interrupt") }),
  z.object({ kind: z.literal("answer"), questionId: z.string(), answer: Answer }),
  /** null: Claude Code's default model. What is left out stays. */
  z.object({
    kind: z.literal("configure"),
    model: z.string().nullable().optional(),
    permissionMode: PermissionMode.optional(),
  }),
]);
export type InputBody = z.infer<typeof InputBody>;

/**
 * `queued`: nobody has taken it to the agent yet; a prompt can be changed and withdrawn so long. `taken`: the agent has it. `late`: what it was for was
 * over by then. `withdrawn`: the person took it back.
 */
export const INPUT_STATES = ["queued", "taken", "late", "withdrawn"] as const;

/** What a person said to a run, kept from the moment in which it was said. */
export const RunInput = z.object({
  id: InputId,
  runId: RunId,
  body: InputBody,
  state: z.enum(INPUT_STATES),
  /** Raised by each change of its text. */
  revision: z.number().int(),
  createdAt: Timestamp,
});
export type RunInput = z.infer<typeof RunInput>;

const SaidText = z
  .string()
  .trim()
  .min(1, "the text is empty: say what Claude Code is to do")
  .max(SAID_MAX, `the text is longer than ${SAID_MAX.toLocaleString("en")} characters`);

export const SayInput = z.object({
  id: RunId,
  text: SaidText,
  /** Breaks off what the agent does at the moment; left out, it is told when its turn has ended. */
  now: z.boolean().default(false),
  /** Asked again with the same one, it is said once. What came too late for a run begins the run that goes on from it; what was taken back is a `conflict`. */
  idempotencyKey: z.string().min(1).max(200).optional(),
});
export type SayInput = z.infer<typeof SayInput>;

/** `launched`: the run had ended, and another one goes on from it. */
export const SayResult = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("queued"), input: RunInput }),
  z.object({ kind: z.literal("launched"), id: RunId }),
]);
export type SayResult = z.infer<typeof SayResult>;

/** `revision`: the one that the change is made on. */
export const EditInputInput = z.object({ id: RunId, inputId: InputId, revision: z.number().int(), text: SaidText });
export type EditInputInput = z.infer<typeof EditInputInput>;
export const WithdrawInputInput = z.object({ id: RunId, inputId: InputId });

export const AnswerInput = z.object({ id: RunId, questionId: z.string().min(1).max(200), answer: Answer });
export type AnswerInput = z.infer<typeof AnswerInput>;

export const ConfigureInput = z
  .object({
    id: RunId,
    /** null: Claude Code's default. */
    model: z
      .string()
      .trim()
      .min(1, "the model is empty")
      .max(200)
      .regex(/^[\w.:/@[\]-]+$/, "is not a model's name")
      .nullable()
      .optional(),
    permissionMode: PermissionMode.optional(),
  })
  .refine(({ model, permissionMode }) => model !== undefined || permissionMode !== undefined, {
    error: "say which model, or which permission mode",
  });
export type ConfigureInput = z.infer<typeof ConfigureInput>;

/** A part of an answer that is being written. `index`: its place in the model's message. */
export const DraftBlock = z.object({
  index: z.number().int().min(0),
  kind: z.enum(["text", "thinking", "tool"]),
  /** Of the tool. */
  name: z.string().nullable(),
  text: z.string(),
});
export type DraftBlock = z.infer<typeof DraftBlock>;

/**
 * What the agent is writing at the moment. It is not kept: what was written is a message of its own, which follows. `reset` gives all there is, at the
 * beginning and whenever something has become a message; `append` adds to a block, or begins it.
 */
export const DraftEvent = z.discriminatedUnion("type", [
  z.object({ type: z.literal("reset"), blocks: z.array(DraftBlock) }),
  z.object({ type: z.literal("append"), block: DraftBlock }),
]);
export type DraftEvent = z.infer<typeof DraftEvent>;
