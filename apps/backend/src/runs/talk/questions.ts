import { type Answer, isFinal, QUESTION_INPUT_MAX, type Question, type SpoolEvent, waitingFor } from "@ccr/protocol";
import type { Scene } from "../scene.ts";
import { transition } from "../transition.ts";

/* What an agent waits to be told, and the status of its run, which says so. */

/** An agent that may be a stranger's is not let ask for ever. */
const OPEN_MAX = 50;

const NAME_MAX = 200;

/**
 * A question as it is kept: what an executor says of itself may be the agent's doing, and of any length. null: one that no agent asks, or that is
 * open already.
 */
const kept = (question: Question, open: readonly Question[]): Question | null => {
  const { questionId, kind, toolName, toolUseId, input } = question;
  if (kind === "interrupted" || open.some((each) => each.questionId === questionId)) return null;
  return {
    ...question,
    toolName: toolName?.slice(0, NAME_MAX) ?? null,
    toolUseId: toolUseId?.slice(0, NAME_MAX) ?? null,
    input: input !== null && JSON.stringify(input).length > 2 * QUESTION_INPUT_MAX ? null : input,
  };
};

/** The questions that are open after these events of the agent's executor; the same list when nothing changed. Pure. */
export const questionsAfter = (questions: readonly Question[], events: readonly SpoolEvent[]): readonly Question[] => {
  let open = questions;
  for (const { source, body } of events) {
    if (source !== "runner") continue;
    if (body.type === "question_asked") {
      const question = open.length < OPEN_MAX ? kept(body.question, open) : null;
      if (question !== null) open = [...open, question];
    } else if (body.type === "question_answered" && open.some(({ questionId }) => questionId === body.questionId))
      open = open.filter(({ questionId }) => questionId !== body.questionId);
    // Who would hear an answer has ended; the supervisor's own question is of after that.
    else if (body.type === "execution_ended" && open.some(({ kind }) => kind !== "interrupted"))
      open = open.filter(({ kind }) => kind === "interrupted");
  }
  return open;
};

/** Brings the run's status in line with its open questions. While a person is waited for, the run's time stands still. */
export const tellWhetherWaiting = async (scene: Scene): Promise<void> => {
  const { run, fence, stores, questions, clockwork } = scene;
  const waits = questions.length > 0;
  if (waits) clockwork.pause("people");
  else clockwork.resume();
  scene.wakePeople();
  if (waits === scene.isWaiting) return;
  const now = await stores.runs.find(run.id);
  if (now === null || isFinal(now.status)) return;
  const next = transition(now.status, { type: waits ? "asked" : "answered" });
  scene.isWaiting = waits;
  // It is being canceled, or says so already.
  if (!next.legal) return;
  const sentence = waits ? waitingFor(questions) : "Claude Code goes on.";
  await stores.runs.advance(run.id, {
    from: [now.status],
    to: next.status,
    fence,
    message: { source: "runner", body: { type: "status", status: next.status, sentence } },
  });
};

/** What is answered in place of a person who does not answer in time. Pure. */
export const nobodysAnswer = ({ kind }: Pick<Question, "kind">, seconds: number): Answer => {
  const nobody = `Nobody answered within ${seconds} seconds.`;
  switch (kind) {
    case "choice":
    case "interrupted":
      return {
        kind: "deny",
        message: `${nobody} Decide by yourself what is most sensible, go on with it, and say in your last words what you assumed.`,
      };
    case "permission":
      return { kind: "deny", message: `${nobody} Go on without it, and say in your last words what you could not do.` };
    case "plan":
      return { kind: "deny", message: `${nobody} Do not go on with the plan: sum it up as your last words, and end your turn.` };
  }
};
