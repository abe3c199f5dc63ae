import { SpooledRunnerBody } from "@ccr/protocol";
import { z } from "zod";

/** An execution as the spool holds it, or held it. `endSeq` is null while it runs, or when the executor died while it ran. */
export const SpooledExecution = z.object({
  executionId: z.string(),
  /** The number of its `execution_started`. */
  firstSeq: z.number().int().positive(),
  endSeq: z.number().int().positive().nullable(),
  /** How it ended, in a word or two. */
  ending: z.string().nullable(),
});
export type SpooledExecution = z.infer<typeof SpooledExecution>;

export const DigestState = z.object({
  executions: z.array(SpooledExecution),
  /** The conversation that the newest agent message belongs to, of those that name one. */
  sessionId: z.string().nullable(),
  /** The `uuid`s of its newest messages: what the agent said, or was told; oldest first. */
  turnUuids: z.array(z.string()),
});
export type DigestState = z.infer<typeof DigestState>;

/** What the digest looks at in an event. */
export type DigestEntry =
  | { source: "runner"; body: unknown }
  | { source: "agent"; sessionId: string | null; turnUuid: string | null };

// An id is asked for again by who did not get an answer, not by who had a thousand others in between.
const EXECUTIONS_MAX = 1_000;
/** Claude Code may write its own file in another order than it tells us, but only within what goes on at one time. */
export const TURN_UUIDS_MAX = 64;

/** What a start needs to know of the events so far. Taking in the same event twice changes nothing. */
export class SpoolDigest {
  readonly #executions: Map<string, SpooledExecution>;
  #sessionId: string | null;
  readonly #turnUuids: Set<string>;

  constructor({ executions, sessionId, turnUuids }: DigestState = { executions: [], sessionId: null, turnUuids: [] }) {
    this.#executions = new Map(executions.map((each) => [each.executionId, { ...each }]));
    this.#sessionId = sessionId;
    this.#turnUuids = new Set(turnUuids);
  }

  /** Takes in an event; to be called in the events' order. */
  take(seq: number, entry: DigestEntry): void {
    if (entry.source === "agent") {
      this.#takeTurn(entry);
      return;
    }
    const { data: body } = SpooledRunnerBody.safeParse(entry.body);
    if (body?.type === "execution_started") {
      if (this.#executions.get(body.executionId)?.firstSeq === seq) return;
      this.#executions.set(body.executionId, {
        executionId: body.executionId,
        firstSeq: seq,
        endSeq: null,
        ending: null,
      });
      this.#forget();
    } else if (body?.type === "execution_ended") {
      const execution = this.#executions.get(body.executionId);
      if (execution === undefined) return;
      execution.endSeq = seq;
      execution.ending = body.outcome.kind === "failed" ? `failed, ${body.outcome.code}` : body.outcome.kind;
    }
  }

  endingOf(executionId: string): string | null {
    return this.#executions.get(executionId)?.ending ?? null;
  }

  get(): DigestState {
    return {
      executions: [...this.#executions.values()].map((each) => ({ ...each })),
      sessionId: this.#sessionId,
      turnUuids: [...this.#turnUuids],
    };
  }

  #takeTurn({ sessionId, turnUuid }: Extract<DigestEntry, { source: "agent" }>): void {
    if (sessionId !== null && sessionId !== this.#sessionId) {
      this.#sessionId = sessionId;
      this.#turnUuids.clear();
    }
    if (turnUuid === null) return;
    this.#turnUuids.add(turnUuid);
    for (const uuid of this.#turnUuids) {
      if (this.#turnUuids.size <= TURN_UUIDS_MAX) return;
      this.#turnUuids.delete(uuid);
    }
  }

  #forget(): void {
    for (const id of this.#executions.keys()) {
      if (this.#executions.size <= EXECUTIONS_MAX) return;
      this.#executions.delete(id);
    }
  }
}
