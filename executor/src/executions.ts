import { randomUUID } from "node:crypto";
import {
  type AgentBody,
  CcrError,
  type ConfigureAgentInput,
  DEFAULT_PERMISSION_MODE,
  type ExecuteInput,
  type ExecutionOutcome,
} from "@ccr/protocol";
import { readAgentMessage } from "./agent-body.ts";
import { isResultOf, type SeenMessage, seeMessage } from "./agent-messages.ts";
import type { AgentProcess } from "./agent-process.ts";
import type { AgentSettings } from "./config.ts";
import type { Conversation } from "./conversation.ts";
import { Drafts } from "./drafts.ts";
import { ExecutionLog, type ExecutionRecord } from "./execution-log.ts";
import { exitOutcome, resultOutcome, stalledOutcome, unauthorizedOutcome, unavailableOutcome } from "./outcome.ts";
import { type PromptUuid, promptUuid } from "./prompt-uuid.ts";
import type { Spool } from "./spool.ts";
import { stoppingError } from "./stopping.ts";
import { verdictOutcome } from "./verdict.ts";
import { type Alarm, type Clock, Watchdog } from "./watchdog.ts";

export interface ExecutionsOptions {
  spool: Spool;
  clock: Clock;
  /** What no other spool has: see `promptUuid`. */
  salt: string;
  /** Breaks off what the agent still waits for when an execution ends: whoever would hear an answer is gone. */
  breakOff?: () => Promise<void>;
  /** How long an agent may take to obey an interruption before it is killed. */
  interruptGraceMs?: number;
}

interface Running {
  readonly id: string;
  input: ExecuteInput;
  readonly uuid: PromptUuid;
  readonly startedAtMs: number;
  readonly started: Promise<ExecutionRecord>;
  readonly settled: PromiseWithResolvers<ExecutionOutcome>;
  /** Resolves when `execution_ended` is in the spool, or could not be written. */
  readonly ended: PromiseWithResolvers<void>;
  /** Set once it was decided to stop it; then this is how it ends, whatever the agent still says. */
  stopping: ExecutionOutcome | null;
  process: AgentProcess | null;
  watchdog: Watchdog | null;
  result: ExecutionOutcome | null;
  /** Whether the agent has said anything in it, beyond what it says of itself when it starts. */
  answered: boolean;
  /** A message of it could not be spooled: what comes behind it is not spooled either, so that what there is has no hole. */
  cut: boolean;
}

const INTERRUPT_GRACE_MS = 5_000;
// The message that follows a result comes within a few milliseconds; without it the end is not held up longer than this.
const AFTERWORD_MS = 250;

type StartJudge = (settings: AgentSettings) => Promise<AgentProcess>;

/**
 * The executions of one conversation, and those of judges, one at a time, each spooled from its start to its end. An execution goes on
 * whether or not anybody reads it, and always ends: with the agent's result, with its death, or by being stopped.
 */
export class Executions {
  readonly #spool: Spool;
  readonly #log: ExecutionLog;
  readonly #clock: Clock;
  readonly #salt: string;
  readonly #interruptGraceMs: number;
  readonly #breakOff: () => Promise<void>;
  readonly #records = new Map<string, Promise<ExecutionRecord>>();
  #conversation: Conversation | null = null;
  #startJudge: StartJudge | null = null;
  #current: Running | null = null;
  #closed = false;
  #gatewayAwaited = false;
  /** Since when, and for how long before in this execution, a person is waited for. */
  #personAwaitedSinceMs: number | null = null;
  #personAwaitedMs = 0;
  readonly drafts = new Drafts();

  constructor({ spool, clock, salt, breakOff = async () => {}, interruptGraceMs = INTERRUPT_GRACE_MS }: ExecutionsOptions) {
    this.#breakOff = breakOff;
    this.#spool = spool;
    this.#log = new ExecutionLog(spool);
    this.#salt = salt;
    this.#clock = clock;
    this.#interruptGraceMs = interruptGraceMs;
    for (const { executionId, firstSeq, endSeq } of spool.recovered.executions) {
      this.#records.set(executionId, Promise.resolve({ executionId, firstSeq, endSeq }));
    }
  }

  /**
   * Ends, in the spool, executions that a death of the executor cut short, after what `salvage` gives: messages of the agent that did not
   * get there. To be called once, before anything else.
   */
  async recover(salvage: (promptUuid: string) => Promise<AgentBody[]>): Promise<void> {
    for (const record of await this.#log.recover((executionId) => salvage(promptUuid(this.#salt, executionId))))
      this.#records.set(record.executionId, Promise.resolve(record));
  }

  /** Says whom to ask for an agent, and for a judge. (They need our callbacks first.) */
  use(conversation: Conversation, startJudge: StartJudge): void {
    this.#conversation = conversation;
    this.#startJudge = startJudge;
  }

  get currentId(): string | null {
    return this.#current?.id ?? null;
  }

  /** How long the present execution has been going on, less the time in which it waited for a person; null: none is. */
  get currentMs(): number | null {
    if (this.#current === null) return null;
    const now = this.#personAwaitedSinceMs ?? performance.now();
    return Math.max(0, Math.round(now - this.#current.startedAtMs - this.#personAwaitedMs));
  }

  /** Throws `unavailable` for an execution that is new when no more are taken. */
  assertTakes({ executionId }: Pick<ExecuteInput, "executionId">): void {
    if (this.#closed && (executionId === undefined || !this.#records.has(executionId))) throw stoppingError();
  }

  /**
   * Starts an execution and resolves once its start is spooled; an id that is known gives that execution instead, running or ended.
   * Throws `conflict` while another one runs, `disk_full` when the spool has no room, `unavailable` when no more are taken.
   */
  start(input: ExecuteInput): Promise<ExecutionRecord> {
    this.assertTakes(input);
    const id = input.executionId ?? randomUUID();
    const known = this.#records.get(id);
    if (known !== undefined) return known;
    if (this.#current !== null) {
      throw new CcrError("conflict", `The execution '${this.#current.id}' is going on. Wait for its end, or interrupt it.`);
    }
    const started = this.#log.begin(id, input.prompt);
    const running: Running = {
      id,
      input,
      uuid: promptUuid(this.#salt, id),
      startedAtMs: performance.now(),
      started,
      settled: Promise.withResolvers(),
      ended: Promise.withResolvers(),
      stopping: null,
      process: null,
      watchdog: null,
      result: null,
      answered: false,
      cut: false,
    };
    this.#current = running;
    this.#personAwaitedMs = 0;
    if (this.#personAwaitedSinceMs !== null) this.#personAwaitedSinceMs = running.startedAtMs;
    this.#records.set(id, started);
    void started.then(
      (record) => this.#run(running, record),
      () => {
        this.#records.delete(id);
        this.#current = null;
        running.ended.resolve();
      },
    );
    return started;
  }

  /** Where a reader that has everything up to `after` has to stop: at the end of the running execution, else where the spool ends now. */
  async follow(after: number): Promise<() => number | null> {
    const current = this.#current;
    if (current !== null) {
      const record = await current.started;
      return () => record.endSeq;
    }
    const { failure } = this.#spool;
    if (failure !== null) {
      if (after >= this.#spool.lastSeq) throw failure;
      return () => null; // gives what there is, and then the failure
    }
    const end = this.#spool.lastSeq;
    return () => end;
  }

  /** Ends the running execution as interrupted and resolves when it has ended; false when none runs. Idempotent. */
  async interrupt(): Promise<boolean> {
    const current = this.#current;
    if (current === null) return false;
    this.#stop(current, { kind: "interrupted" });
    await current.ended.promise;
    return true;
  }

  /** Lets an execution that is going on, or just beginning, work in this way; false when the agent has none. */
  configure({ model, permissionMode }: ConfigureAgentInput): boolean {
    const current = this.#current;
    if (current === null || current.input.judges) return false;
    const { model: before, ...input } = current.input;
    const now = model === undefined ? before : (model ?? undefined);
    current.input = {
      ...input,
      ...(now === undefined ? {} : { model: now }),
      ...(permissionMode === undefined ? {} : { permissionMode }),
    };
    return true;
  }

  /** Takes in a message of the agent, or of a judge; resolves when the next one may be taken. Never rejects. */
  async onMessage(message: unknown, { judges }: { judges: boolean }): Promise<void> {
    // The agent may take turns of its own while a judge is at work: they are no part of that execution.
    const current = this.#current?.input.judges === judges ? this.#current : null;
    const seen = seeMessage(message);
    const read = readAgentMessage(message);
    if (read.kind === "whole" || !read.isPing) current?.watchdog?.observe(seen);
    if (!judges) this.drafts.observe(message);
    if (read.kind === "partial") return;
    const { body, permissionMode, sessionId } = read;
    if (permissionMode !== null && !judges) this.#conversation?.notePermissionMode(permissionMode);
    if (sessionId !== null && !judges && this.#conversation !== null) this.#conversation.sessionId = sessionId;
    if (this.#current?.cut !== true) {
      void this.#log
        .append({ source: "agent", ...(judges ? { judges } : {}), body })
        .catch((error: unknown) => this.#onSpoolFailure(error));
    }
    if (current !== null && body.type !== "system") current.answered = true;
    if (current !== null && seen !== null) this.#observe(current, seen);
    current?.watchdog?.pause();
    await this.#spool.settle();
    current?.watchdog?.resume();
  }

  /** Whether somebody waits for a gateway that is away: so long nobody counts as stalled. */
  setGatewayAwaited(awaited: boolean): void {
    if (awaited === this.#gatewayAwaited) return;
    this.#gatewayAwaited = awaited;
    if (awaited) this.#current?.watchdog?.pause();
    else this.#current?.watchdog?.resume();
  }

  /** Whether the agent waits for a person: so long it does not count as stalled, and its time stands still. */
  setPersonAwaited(awaited: boolean): void {
    const since = this.#personAwaitedSinceMs;
    if (awaited === (since !== null)) return;
    this.#personAwaitedSinceMs = awaited ? performance.now() : null;
    if (since !== null) this.#personAwaitedMs += performance.now() - since;
    if (awaited) this.#current?.watchdog?.pause();
    else this.#current?.watchdog?.resume();
  }

  /** Tells people something, in its place among the messages. */
  note(text: string): void {
    void this.#spool
      .append({ source: "runner", body: { type: "note", text } })
      .catch((error: unknown) => this.#onSpoolFailure(error));
  }

  /** Ends the running execution and takes no more. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.interrupt();
  }

  async #run(running: Running, record: ExecutionRecord): Promise<void> {
    const outcome = await this.#work(running).catch(
      (error: unknown): ExecutionOutcome => ({
        kind: "failed",
        code: "agent_exited",
        message: `Claude Code could not be started: ${error instanceof Error ? error.message : String(error)}`,
      }),
    );
    running.watchdog?.stop();
    if (running.input.judges) await running.process?.kill();
    await this.#finish(running, record, running.stopping ?? outcome);
  }

  async #work(running: Running): Promise<ExecutionOutcome> {
    const { stallTimeoutMs, prompt } = running.input;
    const { process, forgotten, reused } = await this.#take(running.input);
    running.process = process;
    if (forgotten) {
      this.note("Claude Code's transcript of the conversation so far is gone: a new conversation begins.");
    }
    if (running.stopping !== null) return running.stopping;
    const exited = process.exited.then<ExecutionOutcome | null>((exit) => {
      // A process that waited may have died before it took the prompt. It has done nothing then, so another one may have it.
      if (reused && !running.answered && running.result === null && running.stopping === null) return null;
      running.settled.resolve(running.result ?? exitOutcome(exit));
      return running.settled.promise;
    });
    running.watchdog = new Watchdog({
      clock: this.#clock,
      stallTimeoutMs,
      onAlarm: (alarm) => this.#stop(running, alarmOutcome(alarm)),
    });
    if (this.#gatewayAwaited) running.watchdog.pause();
    if (this.#personAwaitedSinceMs !== null) running.watchdog.pause();
    process.send(prompt, running.uuid);
    const outcome = await Promise.race([running.settled.promise, exited]);
    if (outcome !== null) return outcome;
    running.watchdog.stop();
    return this.#work(running);
  }

  async #take(input: ExecuteInput): Promise<{ process: AgentProcess; forgotten: boolean; reused: boolean }> {
    const { model = null, maxTurns = null, maxBudgetUsd = null, permissionMode = DEFAULT_PERMISSION_MODE, asks, judges } = input;
    if (this.#conversation === null || this.#startJudge === null) throw new Error("There is no conversation.");
    const settings = { model, maxTurns, maxBudgetUsd, permissionMode, asks };
    if (!judges) return this.#conversation.take(settings);
    return { process: await this.#startJudge(settings), forgotten: false, reused: false };
  }

  #observe(running: Running, seen: SeenMessage): void {
    if (seen.type === "result" && running.process !== null && isResultOf(seen, running.uuid)) {
      running.watchdog?.stop();
      const judge = running.input.judges ? verdictOutcome : resultOutcome;
      const outcome = judge(seen, running.watchdog?.modelError ?? null);
      running.result = outcome;
      this.#clock.after(AFTERWORD_MS, () => running.settled.resolve(outcome));
    } else if (seen.type === "command_lifecycle" && seen.command_uuid === running.uuid && running.result !== null) {
      running.settled.resolve(running.result);
    }
  }

  #stop(running: Running, outcome: ExecutionOutcome): void {
    if (running.stopping !== null) return;
    running.stopping = outcome;
    running.watchdog?.stop();
    if (running.process === null) {
      // A judge that is just being started is killed when it is there.
      if (!running.input.judges) void this.#conversation?.stopProcess();
      return;
    }
    const { process } = running;
    const cancel = this.#clock.after(this.#interruptGraceMs, () => {
      void process.kill().then(() => running.settled.resolve(outcome));
    });
    void running.settled.promise.then(cancel);
    void process.interrupt();
  }

  async #finish(running: Running, record: ExecutionRecord, outcome: ExecutionOutcome): Promise<void> {
    await this.#breakOff();
    await this.#log.end(record, outcome);
    this.drafts.clear();
    this.#current = null;
    this.#spool.wake();
    running.ended.resolve();
  }

  #onSpoolFailure(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    if (this.#current === null) return;
    this.#current.cut = true;
    this.#stop(this.#current, { kind: "failed", code: "disk_full", message });
  }
}

const alarmOutcome = (alarm: Alarm): ExecutionOutcome => {
  switch (alarm.kind) {
    case "stalled":
      return stalledOutcome(alarm.silentMs);
    case "unavailable":
      return unavailableOutcome(alarm.error);
    case "unauthorized":
      return unauthorizedOutcome(alarm.error);
  }
};
