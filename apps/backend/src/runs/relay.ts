import type { AgentBody, ExecutionOutcome, InstanceId, Run, SpoolEvent } from "@ccr/protocol";
import type { Transcript } from "../store/types.ts";
import { batches } from "./batches.ts";

/** Whose events are relayed, and into which transcript. */
export type Relay = {
  run: Pick<Run, "id">;
  fence: number;
  /** The sandbox whose spool numbers the events. */
  instanceId: InstanceId;
  transcript: Transcript;
  /** Told of every message of the agent, in order, after it is stored. */
  heard: (body: AgentBody) => Promise<void>;
};

const sizeOf = (event: SpoolEvent): number => JSON.stringify(event.body).length;

/** Appends every event of a stream to the transcript; gives the outcome of the execution when its end was among them. */
export const relay = async (
  work: Relay,
  events: AsyncIterable<SpoolEvent>,
  executionId: string | null,
): Promise<ExecutionOutcome | null> => {
  let outcome: ExecutionOutcome | null = null;
  for await (const batch of batches(events, sizeOf)) {
    await work.transcript.appendSpooled(work.run.id, work.fence, { instanceId: work.instanceId, events: batch });
    for (const { source, body } of batch) {
      if (source === "agent") await work.heard(body);
      else if (body.type === "execution_ended" && body.executionId === executionId) outcome = body.outcome;
    }
  }
  return outcome;
};
