import {
  CcrError,
  type CheckInput,
  type CheckResult,
  EXECUTOR_SPOOL_HELD_EXIT_CODE,
  type ExecuteInput,
  type ExecutionOutcome,
  type ExecutorHealth,
  type GitCloneInput,
  type InstanceId,
  type SandboxHandle,
  type ServerId,
  type SetUpEvent,
  type SpoolEvent,
  type WorkSnapshot,
  type WorkspaceDiff,
} from "@ccr/protocol";
import type { SandboxState } from "../../drivers/types.ts";
import { ExecutorLostError } from "../executor-client.ts";
import { Agent } from "./agent.ts";
import { BASE_COMMIT, type Disk } from "./disk.ts";
import type { Inlet } from "./process.ts";
import type { Random } from "./random.ts";
import { judgeOfPrompt, type Script, workOfPrompt } from "./script.ts";
import type { VirtualTime } from "./time.ts";

export type SandboxParts = {
  time: VirtualTime;
  random: Random;
  scripts: readonly Script[];
  at: () => string;
  log: (line: string) => void;
  /** Its executor is there, and takes requests. */
  booted: (sandbox: Sandbox) => void;
  /** Whether somebody listens at the sandbox's way out. */
  hasWayOut: (sandbox: Sandbox) => boolean;
  /** Whether a server drives its run now. */
  isDriven: (sandbox: Sandbox) => boolean;
  /** Whatever the environment of its run has set up must be there now. */
  needsSetup: (sandbox: Sandbox, who: string) => void;
  /** The agent asks for something through it. */
  request: (sandbox: Sandbox) => void;
};

type Reader = { inlet: Inlet<SpoolEvent>; cursor: number; end: () => number | null; fence: number | null };

const CUT: ExecutionOutcome = {
  kind: "failed",
  code: "agent_exited",
  message: "The executor ended while the agent was at work, and was started again. The conversation can go on.",
};

const gone = (): ExecutorLostError => new ExecutorLostError("the executor cannot be reached");

/** A sandbox with the executor in it, over a disk that may have had another one before. */
export class Sandbox {
  readonly handle: SandboxHandle;
  readonly disk: Disk;
  /** The server whose driver made it, and the machine that it is on. */
  readonly server: ServerId;
  readonly machine: string;
  /** Whether its maker did not drive the run any more when it was made, and could not know. */
  readonly isStray: boolean;
  state: "booting" | "running" | "exited" | "gone" = "booting";
  isFrozen = false;
  agent: Agent | null = null;
  isChecking = false;
  /** How long its agent was at work without a server that could hear of it: this is lost with it. */
  untoldMs = 0;
  readonly #parts: SandboxParts;
  readonly #startedAt: string;
  #exitCode = 0;
  #held: (() => void)[] = [];
  readonly #readers = new Set<Reader>();
  readonly #calls = new Map<(error: Error) => void, number | null>();
  readonly #running = new Map<string, Promise<CheckResult>>();

  constructor(
    handle: SandboxHandle,
    options: { disk: Disk; server: ServerId; machine: string; isStray: boolean; parts: SandboxParts },
  ) {
    this.handle = handle;
    this.disk = options.disk;
    this.server = options.server;
    this.machine = options.machine;
    this.isStray = options.isStray;
    this.#parts = options.parts;
    this.#startedAt = options.parts.at();
    this.#after(options.parts.random.between(5, 600), () => this.#boot());
  }

  get instanceId(): InstanceId {
    return this.handle.instanceId;
  }

  get isUp(): boolean {
    return this.state === "running" || this.state === "booting";
  }

  inspect(): SandboxState {
    if (this.isUp) return { status: "running", outOfMemoryKills: 0, diskBytes: 1000 };
    if (this.state === "gone") return { status: "gone" };
    return { status: "exited", exitCode: this.#exitCode, outOfMemory: false, outOfMemoryKills: 0, diskBytes: 1000 };
  }

  /** The sandbox ends: what is on the disk stays as it is at this moment. */
  end(how: { exitCode: number } | "gone"): void {
    if (this.isUp) this.#parts.log(`${this.instanceId} ends`);
    this.state = how === "gone" ? "gone" : this.state === "gone" ? "gone" : "exited";
    if (how !== "gone") this.#exitCode = how.exitCode;
    this.#held = [];
    this.agent = null;
    if (this.disk.executor === this) this.disk.executor = null;
    for (const [cut] of [...this.#calls]) cut(gone());
    for (const { inlet } of this.#readers) inlet.fail(gone());
    this.#readers.clear();
  }

  freeze(): void {
    if (this.isUp) this.isFrozen = true;
  }

  thaw(): void {
    this.isFrozen = false;
    for (const act of this.#held.splice(0)) this.#parts.time.after(0, () => this.#whenAwake(act));
  }

  /** Cuts every connection that is open now. */
  cut(): void {
    for (const [cut] of [...this.#calls]) cut(gone());
    for (const { inlet } of this.#readers) inlet.fail(gone());
    this.#readers.clear();
  }

  /** A request arrives: it is answered, refused for its fencing number, or cut when the sandbox ends or a greater number is heard. */
  serve<Result>(fence: number | null, act: () => Result | Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.state !== "running") return reject(gone());
      const cut = (error: Error): void => {
        this.#calls.delete(cut);
        reject(error);
      };
      this.#calls.set(cut, fence);
      const answer = async (): Promise<void> => {
        try {
          if (fence !== null) this.#hear(fence);
          resolve(await act());
        } catch (error) {
          reject(error);
        } finally {
          this.#calls.delete(cut);
        }
      };
      this.#whenAwake(() => void answer());
    });
  }

  health(): ExecutorHealth {
    const { disk } = this;
    return {
      status: "ok",
      state: this.agent === null ? "idle" : "executing",
      executionId: this.agent?.executionId ?? null,
      sessionId: disk.sessionId,
      lastSeq: disk.spool.length,
      ackedSeq: disk.ackedSeq,
      spoolBytes: disk.spool.length * 100,
      startedAt: this.#startedAt,
      executingMs: this.agent === null ? null : this.#parts.time.now - this.agent.startedAt,
      claudeCodeVersion: "simulated",
    };
  }

  async clone({ bundlePath, ref, directory: asked }: GitCloneInput): Promise<{ commit: string; branch: string | null }> {
    await this.#sleep(this.#parts.random.between(1, 800));
    const { disk } = this;
    const directory = asked ?? null;
    if (disk.cloned.has(directory)) return { commit: disk.commit(directory), branch: "main" };
    disk.cloned.add(directory);
    if (bundlePath === undefined) return { commit: BASE_COMMIT, branch: "main" };
    const given = disk.given.get(directory);
    if (given === undefined || given.commit !== ref) throw new CcrError("unprocessable", "The bundle does not hold it.");
    disk.units.push(...given.units);
    return { commit: disk.commit(directory), branch: null };
  }

  /** Starts an execution, or joins the one of this id, and streams what comes after `after` up to its end. */
  execute(input: ExecuteInput, options: { after: number; fence: number | null; inlet: Inlet<SpoolEvent> }): () => void {
    const { disk } = this;
    const { after, fence, inlet } = options;
    const id = input.executionId ?? "nameless";
    this.#assertReadable(after);
    if (!disk.isCloned) throw new CcrError("conflict", "There is no workspace: clone a repository first.");
    if (!disk.executions.has(id)) {
      if (this.agent !== null) throw new CcrError("conflict", `The execution '${this.agent.executionId}' is going on.`);
      this.#begin(id, input);
    }
    return this.#read({ inlet, cursor: after, fence, end: () => disk.executions.get(id)?.endSeq ?? null });
  }

  follow(options: { after: number; fence: number | null; inlet: Inlet<SpoolEvent> }): () => void {
    const { disk } = this;
    const { after, fence, inlet } = options;
    this.#assertReadable(after);
    const id = this.agent?.executionId;
    const now = disk.spool.length;
    const end = id === undefined ? () => now : () => disk.executions.get(id)?.endSeq ?? null;
    return this.#read({ inlet, cursor: after, fence, end });
  }

  /** Runs the script of an environment. */
  setUp(inlet: Inlet<SetUpEvent>): () => void {
    if (!this.disk.isCloned) throw new CcrError("conflict", "There is no workspace: clone a repository first.");
    const durationMs = this.#parts.random.between(10, 8000);
    this.#after(durationMs / 2, () => inlet.push({ type: "output", text: "installing\n" }));
    this.#after(durationMs, () => {
      this.disk.isSetUp = true;
      inlet.push({ type: "ended", outcome: { kind: "exited", exitCode: 0 }, durationMs });
      inlet.end();
    });
    const fail = (): void => inlet.fail(gone());
    this.#calls.set(fail, null);
    return () => this.#calls.delete(fail);
  }

  async restore(): Promise<{ skipped: string[] }> {
    if (this.disk.setup === null) throw new CcrError("internal", "There is nothing to be copied.");
    await this.#sleep(this.#parts.random.between(1, 800));
    this.disk.isSetUp = true;
    return { skipped: [] };
  }

  async interrupt(): Promise<{ interrupted: boolean }> {
    const agent = this.agent;
    if (agent === null) return { interrupted: false };
    await this.#sleep(this.#parts.random.between(1, 3000));
    agent.end({ kind: "interrupted" });
    return { interrupted: true };
  }

  ack(seq: number): { ackedSeq: number } {
    if (seq > this.disk.spool.length) throw new CcrError("bad_request", `seq: ${seq} is beyond the last event`);
    this.disk.ackedSeq = Math.max(this.disk.ackedSeq, seq);
    return { ackedSeq: this.disk.ackedSeq };
  }

  /** Runs a check, or waits for the one of this id. */
  check({ checkId = "nameless", command }: CheckInput): Promise<CheckResult> {
    const known = this.disk.checks.get(checkId);
    if (known !== undefined) return Promise.resolve(known);
    const running = this.#running.get(checkId) ?? this.#runCheck(checkId, command);
    this.#running.set(checkId, running);
    return running;
  }

  diff(): WorkspaceDiff {
    const { units, cloned } = this.disk;
    const [first = null] = cloned;
    const files = units.map((path) => ({ path, oldPath: null, status: "added" as const, additions: 1, deletions: 0 }));
    const headCommit = this.disk.commit(first);
    return { baseCommit: BASE_COMMIT, headCommit, files, patch: units.join("\n"), truncated: false };
  }

  snapshot({ directory }: { directory?: string | undefined }): WorkSnapshot {
    const snapshotCommit = this.disk.snapshot(directory ?? null);
    return { baseCommit: BASE_COMMIT, headCommit: snapshotCommit, branch: "main", snapshotCommit };
  }

  bundle({ snapshot, directory }: { snapshot: string; directory?: string | undefined }): Buffer {
    const units = this.disk.snapshots.get(`${directory ?? null} ${snapshot}`);
    if (units === undefined) throw new CcrError("not_found", `There is no snapshot ${snapshot}.`);
    return Buffer.from(JSON.stringify(units));
  }

  /** What a check prints here is short. */
  checkOutput(checkId: string): Buffer {
    throw new CcrError("not_found", `There is no more output of the check '${checkId}' here than its result has.`);
  }

  conversation(after: number): Buffer {
    if (this.disk.conversationBytes === 0) throw new CcrError("not_found", "Nothing was written down yet.");
    return Buffer.alloc(Math.max(0, this.disk.conversationBytes - after));
  }

  #boot(): void {
    // The kernel gives the lock on the spool to one process at a time, and takes it back when that dies.
    if (this.disk.executor !== null) {
      this.#parts.log(`${this.instanceId} finds another executor at its spool`);
      this.end({ exitCode: EXECUTOR_SPOOL_HELD_EXIT_CODE });
      return;
    }
    this.disk.executor = this;
    this.state = "running";
    this.#parts.booted(this);
    for (const [executionId, execution] of this.disk.executions) if (execution.endSeq === null) this.#tellEnd(executionId, CUT);
  }

  #begin(executionId: string, { prompt, judges }: Pick<ExecuteInput, "prompt" | "judges">): void {
    const { scripts, random, at, log } = this.#parts;
    const { disk } = this;
    if (!judges) this.#parts.needsSetup(this, `the agent of ${executionId}`);
    const asked = judges ? null : workOfPrompt(scripts, prompt, disk.task);
    disk.task = asked ?? disk.task;
    log(`${this.instanceId} begins ${executionId}`);
    const event = { source: "runner" as const, body: { type: "execution_started" as const, executionId, prompt } };
    disk.executions.set(executionId, { firstSeq: disk.append(event, at()), endSeq: null });
    this.agent = new Agent(
      { executionId, startedAt: this.#parts.time.now },
      {
        disk,
        random,
        at,
        after: (ms, act) => this.#after(ms, act),
        spooled: () => this.#spooled(),
        hasWayOut: () => this.#parts.hasWayOut(this),
        request: () => this.#parts.request(this),
      },
      (outcome) => {
        this.agent = null;
        // It has waited since: nobody asks how long it took.
        if (!this.#parts.isDriven(this)) this.untoldMs = 0;
        this.#tellEnd(executionId, outcome);
      },
    );
    if (asked === null) this.agent.judge(judgeOfPrompt(scripts, prompt));
    else this.agent.work(asked.script, asked.step);
  }

  #tellEnd(executionId: string, outcome: ExecutionOutcome): void {
    const execution = this.disk.executions.get(executionId);
    if (execution === undefined) return;
    const event = { source: "runner" as const, body: { type: "execution_ended" as const, executionId, outcome } };
    execution.endSeq = this.disk.append(event, this.#parts.at());
    this.#parts.log(`${this.instanceId} ended ${executionId}: ${outcome.kind === "failed" ? outcome.code : outcome.kind}`);
    this.#spooled();
  }

  async #runCheck(checkId: string, command: string): Promise<CheckResult> {
    const script = this.#parts.scripts.flatMap(({ steps }) => steps).flatMap(({ checks }) => checks);
    const check = script.find((each) => each.command === command);
    if (check === undefined) throw new Error(`nobody wrote this check: ${command}`);
    // Of the work, and not of the agent: nothing else is here.
    const passes = check.needs === null ? check.passes : this.disk.units.includes(check.needs);
    this.#parts.needsSetup(this, `the check ${checkId}`);
    this.isChecking = true;
    await this.#sleep(check.ms);
    this.isChecking = false;
    const outcome = { kind: "exited" as const, exitCode: passes ? 0 : 1 };
    const output = passes ? "" : `it misses ${check.needs ?? "something"}`;
    const result = { command, outcome, passed: passes, output, outputTruncated: false, durationMs: check.ms };
    this.disk.checks.set(checkId, result);
    return result;
  }

  #assertReadable(after: number): void {
    if (after > this.disk.spool.length) throw new CcrError("bad_request", `after: ${after} is beyond the last event`);
    if (after < this.disk.ackedSeq) throw new CcrError("conflict", `The events after ${after} may be gone.`);
  }

  #read(reader: Reader): () => void {
    this.#readers.add(reader);
    this.#give(reader);
    return () => this.#readers.delete(reader);
  }

  #give(reader: Reader): void {
    const { inlet } = reader;
    const end = reader.end();
    const last = Math.min(end ?? Number.POSITIVE_INFINITY, this.disk.spool.length);
    for (; reader.cursor < last; reader.cursor++) {
      const event = this.disk.spool[reader.cursor];
      if (event !== undefined) inlet.push(event);
    }
    if (end === null || reader.cursor < end) return;
    inlet.end();
    this.#readers.delete(reader);
  }

  #spooled(): void {
    for (const reader of [...this.#readers]) this.#give(reader);
  }

  #hear(fence: number): void {
    if (fence < this.disk.fence)
      throw new CcrError("conflict", `This sandbox is driven with the fencing number ${this.disk.fence} now.`);
    if (fence === this.disk.fence) return;
    this.disk.fence = fence;
    for (const [cut, of] of [...this.#calls]) if (of !== null && of < fence) cut(gone());
    for (const reader of [...this.#readers]) {
      if (reader.fence === null || reader.fence >= fence) continue;
      reader.inlet.fail(gone());
      this.#readers.delete(reader);
    }
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.#after(ms, resolve));
  }

  #after(ms: number, act: () => void): void {
    this.#parts.time.after(ms, () => this.#whenAwake(act));
  }

  #whenAwake(act: () => void): void {
    if (!this.isUp) return;
    if (this.isFrozen) this.#held.push(act);
    else act();
  }
}
