import { type AgentBody, CcrError, type ExecutionOutcome } from "@ccr/protocol";
import type { Spool, SpoolBody } from "./spool.ts";

/** What a reader needs to know of an execution. */
export interface ExecutionRecord {
  executionId: string;
  firstSeq: number;
  /** The number of its last event; null as long as it runs. */
  endSeq: number | null;
}

const ended = (executionId: string, outcome: ExecutionOutcome): SpoolBody => ({
  source: "runner",
  body: { type: "execution_ended", executionId, outcome },
});

/** Writes executions down in the spool, so that each that has begun there also ends there, whatever is full and whoever is killed. */
export class ExecutionLog {
  readonly #spool: Spool;
  /** An end that a full disk did not let us write. It is written before the next execution begins. */
  #owed: { record: ExecutionRecord; outcome: ExecutionOutcome } | null = null;

  constructor(spool: Spool) {
    this.#spool = spool;
  }

  /** Writes the beginning of an execution. Throws `disk_full` when the spool has no room. */
  async begin(executionId: string, prompt: string): Promise<ExecutionRecord> {
    await this.#spool.ensureRoom();
    const owed = this.#owed;
    if (owed !== null) {
      owed.record.endSeq = (await this.#spool.append(ended(owed.record.executionId, owed.outcome))).seq;
      this.#owed = null;
    }
    const { seq } = await this.#spool.append({ source: "runner", body: { type: "execution_started", executionId, prompt } });
    return { executionId, firstSeq: seq, endSeq: null };
  }

  /** Writes a message; one of the agent that cannot be written as JSON is told of in its place. */
  async append(entry: SpoolBody): Promise<void> {
    try {
      await this.#spool.append(entry);
    } catch (error) {
      if (!(error instanceof CcrError) || error.code !== "unprocessable" || entry.source !== "agent") throw error;
      const body = { type: "unreadable", original_type: entry.body.type, reason: "too deeply nested for JSON" };
      await this.#spool.append({ source: "agent", body });
    }
  }

  /** Writes the end, and notes where it is; on a full disk with the spool's reserve. What cannot be written even so fails the spool, and is owed. */
  async end(record: ExecutionRecord, outcome: ExecutionOutcome): Promise<void> {
    const event = ended(record.executionId, outcome);
    let spooled: { seq: number } | null = null;
    try {
      spooled = await this.#spool.append(event);
    } catch {
      try {
        await this.#spool.releaseReserve();
        spooled = await this.#spool.append(event);
      } catch (error) {
        this.#owed = { record, outcome };
        this.#spool.fail(
          error instanceof CcrError ? error : new CcrError("internal", "The end of the execution could not be spooled."),
        );
      }
    }
    record.endSeq = spooled?.seq ?? null;
  }

  /** Ends executions that a death of the executor cut short, after what `salvage` gives of the last of them, and gives them. */
  async recover(salvage: (executionId: string) => Promise<AgentBody[]>): Promise<ExecutionRecord[]> {
    const cut = this.#spool.recovered.executions.filter(({ endSeq }) => endSeq === null);
    const last = cut.at(-1);
    if (last === undefined) return [];
    const bodies = await salvage(last.executionId);
    // A full disk refuses the rest together; what there is has no hole, and the end is told all the same.
    await Promise.allSettled(bodies.map((body) => this.#spool.append({ source: "agent", body })));
    const records: ExecutionRecord[] = [];
    for (const { executionId, firstSeq } of cut) {
      const message = "The executor ended while the agent was at work, and was started again. The conversation can go on.";
      const event = ended(executionId, { kind: "failed", code: "agent_exited", message });
      const { seq } = await this.#spool.withReserve(() => this.#spool.append(event));
      records.push({ executionId, firstSeq, endSeq: seq });
    }
    return records;
  }
}
