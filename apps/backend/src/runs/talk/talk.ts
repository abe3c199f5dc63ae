import { CcrError, isFinal, type RunId, setsUpAlone } from "@ccr/protocol";
import { within } from "../clock.ts";
import type { RunDeps } from "../deps.ts";
import { attachSandbox } from "../sandboxes.ts";
import type { Results, Runs, Talk } from "../types.ts";

// More were never said to one run, and what was said stands in its transcript as well.
const LISTED = 200;
/** The sandbox of a run that has just begun is there within some seconds. */
const OPENED_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 500;

const ended = (id: RunId): CcrError =>
  new CcrError("conflict", `Run ${id} has ended. Say what is to be done next, and another run goes on from it.`);

const gone = (): CcrError =>
  new CcrError("conflict", "Claude Code has been told this already, or it was taken back. Say what is to be added.");

/** What people may say to runs; see `listening.ts` and `turns.ts` for how it gets to the agent. */
export const createTalk = (
  deps: Pick<RunDeps, "store" | "clock" | "log" | "connect" | "drivers">,
  { runs, results }: { runs: Pick<Runs, "get">; results: Pick<Results, "followUp"> },
): Talk => {
  const { store } = deps;
  const { inputs } = store;
  return {
    async say({ id, text, now, idempotencyKey = null }) {
      if (setsUpAlone(await runs.get(id)))
        throw new CcrError(
          "conflict",
          `Run ${id} only sets its environment up: no agent is there to be told. Launch a run with that environment.`,
        );
      // Asked first also of a run that has ended: under this key it may have been told already.
      const said = await inputs.add(id, { kind: "prompt", text }, idempotencyKey, now ? [{ kind: "interrupt" }] : []);
      if (said === null) {
        const key = idempotencyKey === null ? {} : { idempotencyKey };
        return { kind: "launched", id: (await results.followUp({ id, instructions: text, ...key })).id };
      }
      return { kind: "queued", input: said };
    },

    async list(id) {
      await runs.get(id);
      return (await inputs.list(id, LISTED)).reverse();
    },

    async edit({ id, inputId, ...change }) {
      await runs.get(id);
      const edited = await inputs.edit(id, { id: inputId, ...change });
      if (edited !== null) return edited;
      const now = (await inputs.list(id, LISTED)).find((each) => each.id === inputId);
      if (now?.state === "queued" && now.body.kind === "prompt")
        throw new CcrError("conflict", "It was changed by somebody else meanwhile. Look at it, and change it again.");
      throw gone();
    },

    async withdraw({ id, inputId }) {
      await runs.get(id);
      const withdrawn = await inputs.withdraw(id, inputId);
      if (withdrawn === null) throw gone();
      return withdrawn;
    },

    async interrupt(id) {
      const { status } = await runs.get(id);
      if (status !== "running" && status !== "waiting")
        throw new CcrError("conflict", `Run ${id} is ${status}: Claude Code can be interrupted while it works.`);
      const said = await inputs.add(id, { kind: "interrupt" }, null);
      if (said === null) throw ended(id);
      return said;
    },

    async answer({ id, questionId, answer }) {
      const run = await runs.get(id);
      const question = run.questions.find((each) => each.questionId === questionId);
      if (question === undefined)
        throw new CcrError("conflict", "Nothing of the kind is asked any more: it was answered, or broken off.");
      if (question.kind === "interrupted")
        throw new CcrError("bad_request", "questionId: an interrupted agent is told what to do with talk.say.");
      if ((answer.kind === "choose") !== (question.kind === "choice") && answer.kind !== "deny")
        throw new CcrError(
          "bad_request",
          question.kind === "choice"
            ? "answer: this question is answered with 'choose', or refused with 'deny'."
            : "answer: this question is answered with 'allow' or 'deny'.",
        );
      // Once its plan is approved it may do what the run allows; a run that allows plans alone would end where it began.
      const permissionMode = run.permissionMode === "plan" ? "acceptEdits" : run.permissionMode;
      const whole = answer.kind === "allow" && question.kind === "plan" ? { permissionMode, ...answer } : answer;
      // Of two who answer at the same moment the first is heard; the second learns that he was late.
      const said = await inputs.add(id, { kind: "answer", questionId, answer: whole }, null);
      if (said === null) throw ended(id);
      return said;
    },

    async configure({ id, ...change }) {
      const { status } = await runs.get(id);
      if (isFinal(status)) throw ended(id);
      const said = await inputs.add(id, { kind: "configure", ...change }, null);
      if (said === null) throw ended(id);
      return said;
    },

    async *draft(id, signal) {
      // Only looked at: whoever drives the run has the greater fencing number, and is not hindered.
      const opened = await within(deps.clock, { ms: OPENED_WITHIN_MS, signal }, async (until) => {
        while (!until.aborted) {
          const { status, instanceId } = await runs.get(id);
          if (isFinal(status)) return null;
          const record = instanceId === null ? null : await store.instances.findRecord(instanceId);
          const found = record === null || record.status === "stopped" ? null : attachSandbox(deps, record, null);
          if (found !== null) return found;
          await deps.clock.wait(LOOK_EVERY_MS, until);
        }
        return null;
      });
      if (opened === null) return;
      // What is being written is nothing that anybody misses: whoever looks on asks again.
      try {
        yield* opened.executor.draft(signal);
      } catch (error) {
        if (!signal.aborted) deps.log("info", "what an agent writes could not be looked at any more", { runId: id });
        if (error instanceof CcrError) throw error;
      }
    },
  };
};
