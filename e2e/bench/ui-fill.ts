import type { Store } from "@ccr/backend/store-types";
import { InstanceId, type RunId, RunLimits, ServerId, type SpoolEvent, type Task } from "@ccr/protocol";
import type { Made } from "./ui-messages.ts";

const BATCH = 200;
export const SERVER = ServerId.parse("srv_0000000000");

/** A run that goes on, and what stores its messages as the server does: those of the agent as a spool's events, those of ours as ours. */
export type Filling = {
  runId: RunId;
  fence: number;
  /** Stores them in their order; messages of one kind in a row together. */
  add(messages: Iterable<Made>): Promise<number>;
};

/** Launches a run and claims it. */
export const beginRun = async (store: Store, task: Task): Promise<Filling> => {
  await store.runs.create({
    task,
    repository: "acme/bench",
    ref: null,
    model: null,
    limits: RunLimits.parse({}),
    priority: 0,
    delivery: null,
    continues: null,
    idempotencyKey: null,
  });
  const claim = await store.queue.claimNext({ owner: SERVER, perRepository: null, perTask: null });
  if (claim === null) throw new Error("nothing to claim");
  const { run, fence } = claim;
  const instanceId = InstanceId.parse(`inst_${run.id.slice("run_".length)}`);
  let spooled = 0;
  let own = 0;
  const keep = async (batch: readonly Made[]): Promise<void> => {
    const events = batch.flatMap((made, index): SpoolEvent[] =>
      made.source === "agent" ? [{ seq: spooled + index + 1, at: made.at, source: "agent", body: made.body }] : [],
    );
    const ours = batch.flatMap((made) =>
      made.source === "runner" ? [{ at: made.at, source: made.source, body: made.body }] : [],
    );
    if (events.length > 0) await store.transcript.appendSpooled(run.id, fence, { instanceId, events });
    if (ours.length > 0) await store.transcript.append(run.id, fence, { first: own + 1, messages: ours });
    spooled += events.length;
    own += ours.length;
  };
  return {
    runId: run.id,
    fence,
    add: async (messages) => {
      let batch: Made[] = [];
      let count = 0;
      for (const made of messages) {
        if (batch.length === BATCH || (batch[0] !== undefined && batch[0].source !== made.source)) {
          await keep(batch);
          batch = [];
        }
        batch.push(made);
        count += 1;
      }
      if (batch.length > 0) await keep(batch);
      return count;
    },
  };
};
