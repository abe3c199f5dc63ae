import { type ChildProcess, spawn } from "node:child_process";
import type { Options, Query, SDKUserMessage, SpareProcess, SpawnedProcess, SpawnOptions } from "@anthropic-ai/claude-agent-sdk";
import type { PermissionMode } from "@ccr/protocol";
import { Bell } from "./bell.ts";
import { FlowGate } from "./flow-gate.ts";
import { killMarked, signalGroup } from "./processes.ts";

type Sdk = typeof import("@anthropic-ai/claude-agent-sdk");

export interface AgentExit {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** The last lines that the process wrote to its standard error. */
  stderr: string;
  /** Set when the process could not be started, or its output could not be understood. */
  error: string | null;
}

export interface AgentProcessOptions {
  sdk: Sdk;
  options: Options;
  /** The variable in the process's environment by which all that it leaves behind is found, and killed. */
  mark: { name: string; value: string };
  /** Called for each message in order; the next one is not taken before it resolves. */
  onMessage: (message: unknown) => Promise<void>;
}

const STDERR_BYTES = 4096;
// Claude Code ends its shells and writes its transcript to the end within this time; the SDK grants as much.
const TERM_GRACE_MS = 2_000;

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null;

/** One Claude Code process. It is either parked (started before its folder is ready), or at work in a folder. */
export class AgentProcess {
  /** Resolves when the process is gone and its output has been taken to the end. Never rejects. */
  readonly exited: Promise<AgentExit>;
  readonly #parts: AgentProcessOptions;
  readonly #input: SDKUserMessage[] = [];
  readonly #bell = new Bell();
  readonly #exit = Promise.withResolvers<AgentExit>();
  #child: ChildProcess | null = null;
  #gate: FlowGate | null = null;
  #stderr = "";
  #query: Query | null = null;
  #spare: SpareProcess | null = null;
  #closed = false;
  #killing: Promise<void> | null = null;
  /** No message was sent yet. */
  pristine = true;

  constructor(parts: AgentProcessOptions) {
    this.#parts = parts;
    this.exited = this.#exit.promise;
  }

  /** Starts the process in a folder, going on with a conversation when one is given. Returns at once; a failed start shows in `exited`. */
  start({ cwd, resume }: { cwd: string; resume: string | null }): void {
    const options = { ...this.#options(), cwd, ...(resume === null ? {} : { resume }) };
    this.#take(this.#parts.sdk.query({ prompt: this.#prompts(), options }));
  }

  /** Starts the process without a folder, to be claimed later; rejects when it does not come up, and it is gone then. */
  async park(): Promise<void> {
    try {
      this.#spare = await this.#parts.sdk.prewarm({ options: this.#options() });
    } catch (error) {
      await this.#end(String(error));
      throw error;
    }
  }

  /** Puts a parked process to work in a folder; rejects when it cannot be, and the process is gone then. */
  async claim(cwd: string): Promise<void> {
    const spare = this.#spare;
    if (spare === null) throw new Error("The agent process is not parked.");
    this.#spare = null;
    try {
      const query = spare.claim({ prompt: this.#prompts(), options: { cwd } });
      spare.claimed.catch(() => {}); // it is awaited below; this keeps a kill in between from being an unhandled rejection
      this.#take(query);
      await spare.claimed;
    } catch (error) {
      await this.kill();
      throw error;
    }
  }

  /** Whether messages may still be sent to it. */
  get usable(): boolean {
    return !this.#closed && this.#killing === null && (this.#child === null || !hasEnded(this.#child));
  }

  /** Gives the agent a prompt. */
  send(text: string, uuid: `${string}-${string}-${string}-${string}-${string}`): void {
    this.pristine = false;
    this.#input.push({ type: "user", message: { role: "user", content: text }, parent_tool_use_id: null, uuid });
    this.#bell.ring();
  }

  /** Asks the agent to stop its turn; resolves when it was asked, and also when it could not be. */
  async interrupt(): Promise<void> {
    await this.#query?.interrupt().catch(() => {}); // the process is ending: there is nothing left to interrupt
  }

  /** Changes what it may do without asking, from now on. Rejects when the process does not take it. */
  async setPermissionMode(mode: PermissionMode): Promise<void> {
    await this.#query?.setPermissionMode(mode);
  }

  /** Changes the model from the next turn on; null is Claude Code's default. Rejects when the process does not take it. */
  async setModel(model: string | null): Promise<void> {
    await this.#query?.setModel(model ?? undefined);
  }

  /** Ends the process, with force when it does not go by itself, and everything that it started. Idempotent; resolves when all is gone. */
  kill(): Promise<void> {
    this.#killing ??= this.#kill();
    return this.#killing;
  }

  async #kill(): Promise<void> {
    this.#closed = true;
    this.#bell.ring();
    const child = this.#child;
    // The number of a process that has ended may be another's by now.
    const signal = (name: NodeJS.Signals) => child !== null && !hasEnded(child) && signalGroup(child.pid, name);
    signal("SIGTERM");
    const timer = setTimeout(() => signal("SIGKILL"), TERM_GRACE_MS);
    this.#query?.close();
    this.#spare?.close();
    if (this.#query === null) await this.#end(null);
    await this.exited;
    clearTimeout(timer);
  }

  #options(): Options {
    return {
      ...this.#parts.options,
      spawnClaudeCodeProcess: (options) => this.#spawn(options),
    };
  }

  #spawn({ command, args, cwd, env }: SpawnOptions): SpawnedProcess {
    // A group of its own, so that it can be killed as a whole; and the SDK's `signal` is not passed on, as `kill` does more.
    const child = spawn(command, args, { cwd, env, stdio: ["pipe", "pipe", "pipe"], detached: true });
    this.#child = child;
    const gate = new FlowGate(child.stdout);
    this.#gate = gate;
    child.on("error", () => {}); // the SDK listens too, and ends the query with it
    child.stdin.on("error", () => {}); // a process that ended does not read; its exit is what counts
    // Whatever it left behind may hold its output open, and the end of that is waited for.
    child.once("exit", () => void this.#killLeft());
    // The SDK waits for the end of a process that has closed its output; one that lives on after that would never give another sign.
    child.stdout.once("close", () => {
      if (hasEnded(child)) return;
      const timer = setTimeout(() => signalGroup(child.pid, "SIGKILL"), TERM_GRACE_MS);
      child.once("exit", () => clearTimeout(timer));
    });
    child.stderr.setEncoding("utf8");
    child.stderr.on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_BYTES);
    });
    Object.defineProperty(child, "stdout", { value: gate.output });
    return child;
  }

  async *#prompts(): AsyncGenerator<SDKUserMessage> {
    while (!this.#closed) {
      const next = this.#input.shift();
      if (next !== undefined) yield next;
      else await this.#bell.wait();
    }
  }

  #take(query: Query): void {
    this.#query = query;
    void this.#pump(query).then(
      () => this.#end(null),
      (error: unknown) => this.#end(error instanceof Error ? error.message : String(error)),
    );
  }

  async #pump(query: Query): Promise<void> {
    for (;;) {
      const next = query.next();
      const { value, done } = await (this.#gate === null ? next : this.#gate.take(next));
      if (done) return;
      await this.#parts.onMessage(value);
    }
  }

  async #end(error: string | null): Promise<void> {
    this.#closed = true;
    this.#bell.ring();
    const child = this.#child;
    if (child !== null && child.pid !== undefined && !hasEnded(child)) {
      // Its output has ended although it lives: nothing more can come from it.
      const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      signalGroup(child.pid, "SIGTERM");
      const timer = setTimeout(() => signalGroup(child.pid, "SIGKILL"), TERM_GRACE_MS);
      await gone;
      clearTimeout(timer);
    }
    await this.#killLeft();
    this.#exit.resolve({ code: child?.exitCode ?? null, signal: child?.signalCode ?? null, stderr: this.#stderr.trim(), error });
  }

  #killLeft(): Promise<void> {
    const { name, value } = this.#parts.mark;
    return killMarked(name, value);
  }
}
