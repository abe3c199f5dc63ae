import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { CanUseTool, PermissionResult, PermissionUpdate } from "@anthropic-ai/claude-agent-sdk";
import { type Answer, type AnsweredBy, CcrError, QUESTION_INPUT_MAX, type Question } from "@ccr/protocol";
import type { SpoolBody } from "./spool.ts";

type ToolInput = Record<string, unknown>;

interface Open {
  readonly question: Question;
  readonly input: ToolInput;
  readonly suggestions: PermissionUpdate[];
  readonly settled: PromiseWithResolvers<{ result: PermissionResult; by: AnsweredBy; text: string }>;
  readonly breakOff: () => void;
  /** Resolves when its end is spooled, or cannot be. */
  readonly over: PromiseWithResolvers<void>;
}

export interface QuestionsOptions {
  append: (body: SpoolBody) => Promise<unknown>;
  /** Where Claude Code writes its plans. */
  plansFolder: string;
  now: () => Date;
  /** Told when the first question is open, and when none is any more. */
  onWaiting: (isWaiting: boolean) => void;
}

const KINDS: Readonly<Record<string, Question["kind"]>> = { AskUserQuestion: "choice", ExitPlanMode: "plan" };
const DESCRIPTION_MAX = 2000;
/** Nobody answers more at a time. */
const OPEN_MAX = 50;

const shortText = (parts: readonly (string | undefined)[]): string | null => {
  const text = parts.filter((part) => part !== undefined && part.trim() !== "").join(" ");
  return text === "" ? null : text.slice(0, DESCRIPTION_MAX);
};

/** What a person answered, in words. Pure. */
export const wordsOf = (answer: Answer, kind: Question["kind"]): string => {
  switch (answer.kind) {
    case "allow":
      if (kind === "plan") return "The plan was approved.";
      return answer.always ? "Allowed, for the rest of the conversation." : "Allowed.";
    case "deny":
      return answer.message === "" ? "Not allowed." : answer.message;
    case "choose":
      return Object.entries(answer.answers)
        .map(([question, chosen]) => `${question} ${chosen}`)
        .join("\n");
  }
};

/** The answer as Claude Code takes it; null when it does not fit the question. Pure. */
export const resultOf = (
  answer: Answer,
  { kind, input, suggestions }: { kind: Question["kind"]; input: ToolInput; suggestions: readonly PermissionUpdate[] },
): PermissionResult | null => {
  if ((answer.kind === "choose") !== (kind === "choice") && answer.kind !== "deny") return null;
  switch (answer.kind) {
    case "deny":
      return { behavior: "deny", message: answer.message === "" ? "The person does not allow it." : answer.message };
    case "choose":
      return { behavior: "allow", updatedInput: { ...input, answers: answer.answers } };
    case "allow": {
      // Written down anywhere else, they would be a change of the work.
      const always = answer.always ? suggestions.map((update) => ({ ...update, destination: "session" as const })) : [];
      const mode = answer.permissionMode;
      const moded = mode === undefined ? [] : [{ type: "setMode" as const, mode, destination: "session" as const }];
      const updatedPermissions = [...always, ...moded];
      return { behavior: "allow", updatedInput: input, ...(updatedPermissions.length === 0 ? {} : { updatedPermissions }) };
    }
  }
};

/** The plan that was written last. */
const newestPlan = async (folder: string): Promise<string | null> => {
  let newest: { path: string; mtimeMs: number } | null = null;
  for (const name of await readdir(folder).catch((): string[] => [])) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => null);
    if (found?.isFile() === true && (newest === null || found.mtimeMs > newest.mtimeMs))
      newest = { path, mtimeMs: found.mtimeMs };
  }
  return newest === null ? null : readFile(newest.path, "utf8").catch(() => null);
};

/**
 * The questions that an agent waits to be answered. Each is spooled when it is asked and when it is answered, broken off or not; one that is
 * asked waits as long as its agent lives.
 */
export class Questions {
  readonly #options: QuestionsOptions;
  readonly #open = new Map<string, Open>();

  constructor(options: QuestionsOptions) {
    this.#options = options;
  }

  readonly ask: CanUseTool = async (toolName, input, { signal, ...asked }) => {
    if (this.#open.size >= OPEN_MAX)
      return { behavior: "deny", message: `${OPEN_MAX} questions are open already. Wait until they are answered.` };
    const kind = KINDS[toolName] ?? "permission";
    const { append, plansFolder, now } = this.#options;
    const shown = kind === "plan" && typeof input.plan !== "string" ? { ...input, plan: await newestPlan(plansFolder) } : input;
    const suggestions = asked.suggestions ?? [];
    const question: Question = {
      questionId: asked.requestId,
      kind,
      toolName,
      toolUseId: asked.toolUseID,
      input: JSON.stringify(shown).length <= QUESTION_INPUT_MAX ? shown : null,
      description: shortText([asked.title, asked.description, asked.decisionReason]),
      canBeAlways: kind === "permission" && suggestions.length > 0 && asked.suppressAlwaysAllowRule !== true,
      at: now().toISOString(),
    };
    const settled: Open["settled"] = Promise.withResolvers();
    const breakOff = (): void =>
      settled.resolve({
        result: { behavior: "deny", message: "It was broken off." },
        by: "nobody",
        text: "It was broken off before it was answered.",
      });
    const open: Open = { question, input, suggestions, settled, breakOff, over: Promise.withResolvers() };
    if (signal.aborted) breakOff();
    signal.addEventListener("abort", breakOff, { once: true });
    this.#open.set(question.questionId, open);
    if (this.#open.size === 1) this.#options.onWaiting(true);
    try {
      await append({ source: "runner", body: { type: "question_asked", question } });
      const { result, by, text } = await open.settled.promise;
      await append({ source: "runner", body: { type: "question_answered", questionId: question.questionId, by, text } });
      return result;
    } catch (error) {
      // The spool takes nothing any more: nobody would ever hear of the question.
      return { behavior: "deny", message: error instanceof Error ? error.message : String(error) };
    } finally {
      signal.removeEventListener("abort", breakOff);
      this.#open.delete(question.questionId);
      open.over.resolve();
      if (this.#open.size === 0) this.#options.onWaiting(false);
    }
  };

  /** Breaks off what is open, as if nobody had answered; resolves when that is told. Never rejects. */
  async breakOff(): Promise<void> {
    const all = [...this.#open.values()];
    for (const open of all) open.breakOff();
    await Promise.all(all.map(({ over }) => over.promise));
  }

  /**
   * Answers a question; false when it is not open any more, or never was. The first answer counts. Throws `bad_request` for one that does not
   * fit the question.
   */
  answer(questionId: string, { answer, by }: { answer: Answer; by: AnsweredBy }): boolean {
    const open = this.#open.get(questionId);
    if (open === undefined) return false;
    const { kind } = open.question;
    const result = resultOf(answer, { kind, input: open.input, suggestions: open.suggestions });
    if (result === null)
      throw new CcrError(
        "bad_request",
        kind === "choice"
          ? "This question is answered with `choose`, or refused with `deny`."
          : "This question is answered with `allow` or `deny`.",
      );
    open.settled.resolve({ result, by, text: by === "nobody" ? "Nobody answered in time." : wordsOf(answer, kind) });
    return true;
  }
}
