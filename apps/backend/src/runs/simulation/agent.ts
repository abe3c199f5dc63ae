import type { ExecutionOutcome } from "@ccr/protocol";
import type { Disk } from "./disk.ts";
import type { Random } from "./random.ts";
import type { JudgeScript, Script, StepScript } from "./script.ts";

type AgentParts = {
  disk: Disk;
  random: Random;
  at: () => string;
  /** Calls back after the time, as long as the executor lives. */
  after: (ms: number, act: () => void) => void;
  /** Something was written into the spool. */
  spooled: () => void;
  /** Its model is behind the way out: without one it waits. */
  hasWayOut: () => boolean;
  /** It asks for something through the way out. */
  request: () => void;
};

const LOOKS_AGAIN_AFTER_MS = 500;

/**
 * The agent at work on one prompt: it looks at what is there, adds what is missing, one unit after the other, and talks about it. What it
 * says is in the spool as soon as it is said.
 */
export class Agent {
  readonly executionId: string;
  readonly startedAt: number;
  #parts: AgentParts;
  #isOver = false;
  #said = 0;
  readonly #ended: (outcome: ExecutionOutcome) => void;

  constructor(
    { executionId, startedAt }: { executionId: string; startedAt: number },
    parts: AgentParts,
    ended: (outcome: ExecutionOutcome) => void,
  ) {
    this.executionId = executionId;
    this.startedAt = startedAt;
    this.#parts = parts;
    this.#ended = ended;
  }

  work({ paceMs }: Script, step: StepScript): void {
    const { disk, random, hasWayOut } = this.#parts;
    disk.sessionId ??= "00000000-0000-4000-8000-000000000001";
    const left = step.units.filter((unit) => !disk.units.includes(unit));
    const deeds: (() => void)[] = [() => this.#say("system")];
    for (const unit of left) {
      for (let word = 0; word < step.chatter; word++) deeds.push(() => this.#say("assistant"));
      deeds.push(() => {
        disk.units.push(unit);
        this.#say("assistant");
        if (random.chance(0.1)) this.#parts.request();
      });
    }
    deeds.push(() => this.#say("result"));
    const next = (index: number, afterMs = index === 0 ? random.between(1, 400) : random.between(1, paceMs)): void => {
      const deed = deeds[index];
      this.#parts.after(afterMs, () => {
        if (this.#isOver) return;
        if (!hasWayOut()) return next(index, LOOKS_AGAIN_AFTER_MS);
        if (deed === undefined) return this.end(this.#outcome(step));
        deed();
        next(index + 1);
      });
    };
    next(0);
  }

  /** Looks at a work, and says what it finds. */
  judge({ passes, saysSo }: JudgeScript): void {
    const { random, after } = this.#parts;
    after(random.between(1, 400), () => {
      if (this.#isOver) return;
      this.#say("assistant");
      this.#say("result");
      const verdict = { passed: passes, evidence: passes ? "It is all there." : "Something is missing." };
      this.end({ kind: "completed", text: "", ...(saysSo ? { verdict } : {}) });
    });
  }

  /** It ends, by itself or not, and says nothing more. */
  end(outcome: ExecutionOutcome): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ended(outcome);
  }

  #outcome({ ends }: StepScript): ExecutionOutcome {
    return ends === "completed"
      ? { kind: "completed", text: "done" }
      : { kind: "failed", code: "agent_error", message: "It could not be done." };
  }

  #say(type: "system" | "assistant" | "result"): void {
    const { disk, at, spooled } = this.#parts;
    this.#said++;
    const told = type === "result" ? { num_turns: this.#said, total_cost_usd: disk.spool.length / 100 } : {};
    disk.conversationBytes += 10;
    const session = disk.sessionId === null ? {} : { session_id: disk.sessionId };
    const body = { type, ...session, ...told, n: disk.spool.length + 1, of: disk.instanceId };
    disk.append({ source: "agent", body }, at());
    spooled();
  }
}
