import { CcrError, type InputBody, type RunInput } from "@ccr/protocol";
import { FenceLostError, InputChangedError } from "../../store/types.ts";
import { within } from "../clock.ts";
import { ExecutorLostError } from "../executor-client.ts";
import { lossOf } from "../reach.ts";
import type { OpenedSandbox } from "../sandboxes.ts";
import { describeError, type Scene } from "../scene.ts";
import { nobodysAnswer, tellWhetherWaiting } from "./questions.ts";

/* What people say reaches the agent here while it works; what waits for the end of its turn is taken there, by `turns.ts`. */

// A database or an executor that could not be asked is asked again.
const AGAIN_MS = 1000;
// Questions have limits of whole seconds.
const LOOK_EVERY_MS = 1000;
// Only so that nothing is ever waited for without an end.
const QUIET_MS = 60_000;

// An executor that is alive answers at once; what it could not do by then is tried again, and keeps nothing else waiting.
const ANSWER_WITHIN_MS = 15_000;

/** Asks the executor for something, for a while, and no longer than its sandbox is there. */
const ask = async <Result>(
  { deps, sandbox }: Scene,
  signal: AbortSignal,
  act: (executor: OpenedSandbox["executor"], until: AbortSignal) => Promise<Result>,
): Promise<Result> => {
  if (sandbox === null) throw new ExecutorLostError("There is no sandbox.");
  const { executor, cut } = sandbox;
  const late = () => new ExecutorLostError("The executor did not answer in time.");
  return within(deps.clock, { ms: ANSWER_WITHIN_MS, signal: AbortSignal.any([signal, cut.signal]), late }, (until) =>
    act(executor, until),
  );
};

type Said<Kind extends InputBody["kind"]> = Omit<RunInput, "body"> & { body: Extract<InputBody, { kind: Kind }> };

const moved = ({ id, revision }: Pick<RunInput, "id" | "revision">, to: "taken" | "late") => ({ id, revision, to });

/** Keeps how a person wants the agent to work from now on; `tellSettings` lets it know. */
const configure = async (scene: Scene, { body, ...input }: Said<"configure">): Promise<void> => {
  const { model, permissionMode } = body;
  const change = { ...(model === undefined ? {} : { model }), ...(permissionMode === undefined ? {} : { permissionMode }) };
  await scene.log.record([{ type: "configured", ...change }], { ...change, inputs: [moved(input, "taken")] });
  scene.run = { ...scene.run, ...change };
};

/** Lets an agent that is in a turn work as the run says; false: it could not be told yet. A turn that has not begun begins with what the run says then. */
const tellSettings = async (scene: Scene, signal: AbortSignal): Promise<boolean> => {
  const { run, agentHas, sandbox } = scene;
  if (agentHas === null || sandbox === null) return true;
  const { model, permissionMode } = run;
  const change = {
    ...(agentHas.model === model ? {} : { model }),
    ...(agentHas.permissionMode === permissionMode ? {} : { permissionMode }),
  };
  if (Object.keys(change).length === 0) return true;
  try {
    const { configured } = await ask(scene, signal, (executor, until) => executor.configure(change, until));
    if (!configured) return false;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const text = `Claude Code does not take it in this turn, and has it from its next one on: ${error.message}`;
    await scene.log.record([{ type: "note", text }]);
  }
  // Meanwhile another turn may have begun, with what it was sent.
  if (scene.agentHas === agentHas) scene.agentHas = { model, permissionMode };
  return true;
};

/** An answer that comes after its question is gone changes nothing. */
const answer = async (scene: Scene, { body, ...input }: Said<"answer">, signal: AbortSignal): Promise<void> => {
  const question = scene.questions.find(({ questionId, kind }) => questionId === body.questionId && kind !== "interrupted");
  const given = { questionId: body.questionId, answer: body.answer, by: "person" as const };
  const isTaken =
    question !== undefined &&
    scene.sandbox !== null &&
    (await ask(scene, signal, (executor, until) => executor.answer(given, until))).answered;
  // What a plan is approved with holds for all that comes after it, too.
  const permissionMode =
    isTaken && question?.kind === "plan" && body.answer.kind === "allow" ? (body.answer.permissionMode ?? null) : null;
  const change = permissionMode === null ? {} : { permissionMode };
  await scene.log.record([], { ...change, inputs: [moved(input, isTaken ? "taken" : "late")] });
  scene.run = { ...scene.run, ...change };
};

/**
 * Ends the agent's turn; whoever waits for its end finds that it was wanted, and takes it. Where no turn goes on, it came too late. False: the turn is
 * just being begun, or its end just being looked at.
 */
const interrupt = async (scene: Scene, { body: _, ...input }: Said<"interrupt">, signal: AbortSignal): Promise<boolean> => {
  if (scene.isAgentAtWork && scene.sandbox !== null)
    return (await ask(scene, signal, (executor, until) => executor.interrupt(until))).interrupted;
  await scene.log.record([], { inputs: [moved(input, "late")] });
  return true;
};

/** What the executor does not take, and never will. */
const isRefusal = (error: unknown): error is CcrError =>
  error instanceof CcrError && (error.code === "bad_request" || error.code === "unprocessable" || error.code === "internal");

/** Brings to the agent what was said; false: some of it was too early. */
const act = async (scene: Scene, signal: AbortSignal): Promise<boolean> => {
  let isDone = true;
  const queued = await scene.stores.inputs.listQueued(scene.run.id);
  // Who breaks something off does not wait for what hangs.
  const inOrder = queued.toSorted(
    (one, other) => Number(other.body.kind === "interrupt") - Number(one.body.kind === "interrupt"),
  );
  for (const { body, ...input } of inOrder) {
    try {
      switch (body.kind) {
        case "configure":
          await configure(scene, { ...input, body });
          break;
        case "answer":
          await answer(scene, { ...input, body }, signal);
          break;
        case "interrupt":
          isDone = (await interrupt(scene, { ...input, body }, signal)) && isDone;
          break;
        case "prompt":
          // Told when the agent's turn has ended.
          break;
      }
    } catch (error) {
      if (error instanceof InputChangedError) continue;
      if (!isRefusal(error)) throw error;
      // It would be refused again, and keep all behind it waiting.
      await scene.log.record([{ type: "note", text: `What a person said was refused: ${error.message}` }], {
        inputs: [moved(input, "late")],
      });
    }
  }
  return (await tellSettings(scene, signal)) && isDone;
};

const forget = async (scene: Scene, questionId: string): Promise<void> => {
  scene.questions = scene.questions.filter((each) => each.questionId !== questionId);
  await scene.log.record([], { questions: [...scene.questions] });
  await tellWhetherWaiting(scene);
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
    const given = { questionId, answer: nobodysAnswer(question, answerSeconds), by: "nobody" as const };
    const isOpen = await ask(scene, signal, (executor, until) => executor.answer(given, until)).catch((error: unknown) => {
      if (isRefusal(error)) return { answered: false };
      throw error;
    });
    // Nobody there knows of it: it is waited for no longer.
    if (!isOpen.answered) await forget(scene, questionId);
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
  let isEarly = false;
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
          isEarly = !(await scene.alone(() => act(scene, signal)));
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
      const isSoon = isEarly || scene.questions.length > 0;
      await clock.wait(isSoon ? LOOK_EVERY_MS : QUIET_MS, AbortSignal.any([signal, woken.signal]));
      isSaid ||= isEarly;
    }
  } finally {
    stop();
  }
};
