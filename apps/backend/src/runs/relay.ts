import type { ExecutionOutcome, SpoolEvent } from "@ccr/protocol";
import { type RunPatch, SpoolGapError } from "../store/types.ts";
import { within } from "./clock.ts";
import { ExecutorLostError } from "./executor-client.ts";
import { portions } from "./portions.ts";
import { type OpenedSandbox, sandboxOf } from "./sandboxes.ts";
import { MESSAGES_PER_DEATH, type Scene, usageAfter } from "./scene.ts";
import { questionsAfter, tellWhetherWaiting } from "./talk/questions.ts";

/** Whose events are relayed, and what they used. */
export type Speaker = { opened: Pick<OpenedSandbox, "instanceId" | "executor">; usageAfter: typeof usageAfter };

/** An execution whose end is waited for, whom its beginning is told to, and what is to be stored in the commit of its last event. */
export type Awaited = { executionId: string; began?: () => void; ended: (outcome: ExecutionOutcome) => RunPatch };

const ACK_EVERY_MS = 1000;
const ACK_WITHIN_MS = 5000;

const sizeOf = (event: SpoolEvent): number => JSON.stringify(event.body).length;

/**
 * Appends every event of a stream to the transcript, and lets the executor forget what is stored; gives the outcome of the execution
 * that is waited for when its end was among them. Throws `ExecutorLostError` when an event in between did not come: then the rest is to
 * be asked for again.
 */
export const relay = async (
  scene: Scene,
  events: AsyncIterable<SpoolEvent>,
  awaited: Awaited | null,
  speaker: Speaker = { opened: sandboxOf(scene), usageAfter },
): Promise<ExecutionOutcome | null> => {
  const { run, fence, deps, stores } = scene;
  const { opened } = speaker;
  const acknowledge = acknowledger(scene, opened);
  let outcome: ExecutionOutcome | null = null;
  for await (const portion of portions(events, sizeOf)) {
    const said = portion.flatMap((event) => (event.source === "agent" ? [event.body] : []));
    const usage = speaker.usageAfter(scene.usage, said);
    for (const { source, body } of portion) {
      if (source !== "runner" || !("executionId" in body) || body.executionId !== awaited?.executionId) continue;
      if (body.type === "execution_started") awaited?.began?.();
      if (body.type === "execution_ended") outcome = body.outcome;
    }
    const isAgent = opened === scene.sandbox;
    const questions = isAgent ? questionsAfter(scene.questions, portion) : scene.questions;
    const patch: RunPatch = {
      ...(questions === scene.questions ? {} : { questions: [...questions] }),
      ...(usage === scene.usage ? {} : { usage }),
      ...(outcome === null ? {} : awaited?.ended(outcome)),
    };
    const stored = await stores.transcript
      .appendSpooled(run.id, fence, { instanceId: opened.instanceId, events: portion, patch })
      .catch((error: unknown) => {
        throw error instanceof SpoolGapError ? new ExecutorLostError(error.message, { cause: error }) : error;
      });
    scene.usage = usage;
    if (questions !== scene.questions) {
      scene.questions = questions;
      await tellWhetherWaiting(scene);
    }
    const heard = scene.heard + (isAgent ? said : []).filter(({ type }) => type === "assistant").length;
    const forgiven = Math.floor(heard / MESSAGES_PER_DEATH) - Math.floor(scene.heard / MESSAGES_PER_DEATH);
    scene.heard = heard;
    scene.revivals = Math.max(0, scene.revivals - forgiven);
    const last = portion.at(-1);
    if (last !== undefined) {
      acknowledge(last.seq);
      deps.metrics.relayed(stored.length, Math.max(0, deps.clock.now().getTime() - Date.parse(last.at)));
    }
  }
  return outcome;
};

/** Tells the executor now and then how far its events are stored. What is not told is told by a later one: nothing waits for it. */
const acknowledger = ({ deps: { clock } }: Scene, { executor }: Speaker["opened"]): ((seq: number) => void) => {
  let lastAt = clock.elapsedMs();
  let isAsking = false;
  return (seq) => {
    if (isAsking || clock.elapsedMs() - lastAt < ACK_EVERY_MS) return;
    isAsking = true;
    lastAt = clock.elapsedMs();
    within(clock, { ms: ACK_WITHIN_MS }, (until) => executor.ack(seq, until))
      .catch(() => {})
      .finally(() => {
        isAsking = false;
      });
  };
};
