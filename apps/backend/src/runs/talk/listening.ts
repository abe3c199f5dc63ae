import type { InputBody, RunInput } from "@ccr/protocol";
import { FenceLostError, InputChangedError } from "../../store/types.ts";
import { lossOf } from "../reach.ts";
import { describeError, type Scene } from "../scene.ts";
import { nobodysAnswer } from "./questions.ts";

/* What people say reaches the agent here while it works; what waits for the end of its turn is taken there, by `turns.ts`. */

// A database or an executor that could not be asked is asked again.
const AGAIN_MS = 1000;
// Questions have limits of whole seconds.
const LOOK_EVERY_MS = 1000;
// Only so that nothing is ever waited for without an end.
const QUIET_MS = 60_000;

type Said<Kind extends InputBody["kind"]> = Omit<RunInput, "body"> & { body: Extract<InputBody, { kind: Kind }> };

const moved = ({ id, revision }: Pick<RunInput, "id" | "revision">, to: "taken" | "late") => ({ id, revision, to });

/** Lets the agent work as a person wants it to from now on. */
const configure = async (scene: Scene, { body, ...input }: Said<"configure">, signal: AbortSignal): Promise<void> => {
  const { model, permissionMode } = body;
  const change = { ...(model === undefined ? {} : { model }), ...(permissionMode === undefined ? {} : { permissionMode }) };
  if (scene.sandbox !== null && scene.isAgentAtWork) await scene.sandbox.executor.configure(change, signal);
  await scene.log.record([{ type: "configured", ...change }], { ...change, inputs: [moved(input, "taken")] });
  scene.run = { ...scene.run, ...change };
};

/** An answer that comes after its question is gone changes nothing. */
const answer = async (scene: Scene, { body, ...input }: Said<"answer">, signal: AbortSignal): Promise<void> => {
  const question = scene.questions.find(({ questionId, kind }) => questionId === body.questionId && kind !== "interrupted");
  const isTaken =
    question !== undefined &&
    scene.sandbox !== null &&
    (await scene.sandbox.executor.answer({ questionId: body.questionId, answer: body.answer, by: "person" }, signal)).answered;
  await scene.log.record([], { inputs: [moved(input, isTaken ? "taken" : "late")] });
};

/** Ends the agent's turn; whoever waits for its end finds that it was wanted. Where no turn goes on, it came too late. */
const interrupt = async (scene: Scene, { body: _, ...input }: Said<"interrupt">, signal: AbortSignal): Promise<void> => {
  if (scene.isAgentAtWork && scene.sandbox !== null) await scene.sandbox.executor.interrupt(signal);
  else await scene.log.record([], { inputs: [moved(input, "late")] });
};

const act = async (scene: Scene, signal: AbortSignal): Promise<void> => {
  for (const { body, ...input } of await scene.stores.inputs.listQueued(scene.run.id)) {
    try {
      switch (body.kind) {
        case "configure":
          await configure(scene, { ...input, body }, signal);
          break;
        case "answer":
          await answer(scene, { ...input, body }, signal);
          break;
        case "interrupt":
          await interrupt(scene, { ...input, body }, signal);
          break;
        case "prompt":
          // Told when the agent's turn has ended.
          break;
      }
    } catch (error) {
      if (!(error instanceof InputChangedError)) throw error;
    }
  }
};

/** Since when each question is open, by our own clock. */
type Asked = Map<string, number>;

/** Answers in place of people what has waited for too long. */
const answerForNobody = async (scene: Scene, asked: Asked, signal: AbortSignal): Promise<void> => {
  const { questions, sandbox, run, deps } = scene;
  const now = deps.clock.elapsedMs();
  for (const known of [...asked.keys()]) if (!questions.some(({ questionId }) => questionId === known)) asked.delete(known);
  const { answerSeconds } = run.limits;
  for (const question of questions) {
    const { questionId, kind } = question;
    const since = asked.get(questionId) ?? now;
    asked.set(questionId, since);
    if (kind === "interrupted" || sandbox === null || now - since < answerSeconds * 1000) continue;
    await sandbox.executor.answer({ questionId, answer: nobodysAnswer(question, answerSeconds), by: "nobody" }, signal);
  }
};

/**
 * Brings to the agent what people say, as soon as they say it, until the signal aborts: answers, interruptions, and how it is to work. What cannot be brought
 * now stays queued, and is tried again.
 */
export const listenToPeople = async (scene: Scene, signal: AbortSignal): Promise<void> => {
  const { deps, stores, run } = scene;
  const { clock } = deps;
  const asked: Asked = new Map();
  let isSaid = true;
  let woken = new AbortController();
  const wake = (): void => {
    isSaid = true;
    woken.abort();
  };
  // What was too early, or too late, may not be so any more.
  scene.wakePeople = wake;
  const stop = stores.inputs.listen(run.id, wake);
  try {
    while (!signal.aborted) {
      woken = new AbortController();
      try {
        if (isSaid) {
          isSaid = false;
          await scene.alone(() => act(scene, signal));
        }
        await answerForNobody(scene, asked, signal);
      } catch (error) {
        if (signal.aborted) return;
        // The work on the run finds it out by itself, and ends.
        if (error instanceof FenceLostError) return;
        // What was said stays queued, and is tried again: a sandbox that is lost is revived by whoever drives its agent.
        if (lossOf(error) === null)
          deps.log("warn", "what people said could not be brought to the agent; trying again", {
            runId: run.id,
            error: describeError(error),
          });
        isSaid = true;
        await clock.wait(AGAIN_MS, signal);
        continue;
      }
      if (isSaid) continue;
      await clock.wait(scene.questions.length > 0 ? LOOK_EVERY_MS : QUIET_MS, AbortSignal.any([signal, woken.signal]));
    }
  } finally {
    stop();
  }
};
