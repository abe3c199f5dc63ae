import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { CanUseTool } from "@anthropic-ai/claude-agent-sdk";
import type { ConfigureAgentInput, PermissionMode } from "@ccr/protocol";
import { agentOptions } from "./agent-options.ts";
import { AgentProcess, type AgentProcessOptions } from "./agent-process.ts";
import type { AgentSettings } from "./config.ts";
import { AGENT_MARK } from "./environment.ts";

type Sdk = AgentProcessOptions["sdk"];

export interface ConversationOptions {
  loadSdk: () => Promise<Sdk>;
  workspace: string;
  home: string;
  executable: string | null;
  /** An empty folder of ours, from which the agent takes project settings. */
  trustedConfigRoot: string;
  environment: () => Record<string, string>;
  mark: string;
  /** The conversation to go on with; null to begin one. */
  sessionId: string | null;
  onMessage: (message: unknown) => Promise<void>;
  /** Whom an agent that may ask does ask. */
  ask: CanUseTool;
}

interface Held {
  process: AgentProcess;
  settings: AgentSettings;
  parked: boolean;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const fits = ({ process, settings }: Held, wanted: AgentSettings): boolean => {
  if (!process.usable || settings.maxTurns !== wanted.maxTurns || settings.asks !== wanted.asks) return false;
  // A process counts what it spends from its start; a limit for one execution needs a process of its own.
  return settings.maxBudgetUsd === wanted.maxBudgetUsd && (wanted.maxBudgetUsd === null || process.pristine);
};

const configureHeld = async (held: Held, { model, permissionMode }: ConfigureAgentInput): Promise<void> => {
  if (model !== undefined && held.settings.model !== model) {
    await held.process.setModel(model);
    held.settings = { ...held.settings, model };
  }
  if (permissionMode !== undefined && held.settings.permissionMode !== permissionMode) {
    await held.process.setPermissionMode(permissionMode);
    held.settings = { ...held.settings, permissionMode };
  }
};

/** One conversation with Claude Code over any number of processes, of which at most one lives at a time. */
export class Conversation {
  sessionId: string | null;
  readonly #options: ConversationOptions;
  #held: Held | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(options: ConversationOptions) {
    this.#options = options;
    this.sessionId = options.sessionId;
  }

  /**
   * Starts a process in advance: in the workspace when that is ready, else parked until `attach`. Best effort: a process that does not
   * come up is tried again, and its error told, by the first execution. Never rejects.
   */
  async prewarm(settings: AgentSettings, { workspaceReady }: { workspaceReady: boolean }): Promise<void> {
    await this.#alone(async () => {
      if (this.#held !== null || this.#closed) return;
      if (workspaceReady) {
        await this.#start(settings);
        return;
      }
      const process = new AgentProcess(await this.#parts(settings));
      if (this.#closed) return;
      this.#hold({ process, settings, parked: true });
      await process.park();
    }).catch(() => {});
  }

  /** The workspace is ready now: puts a parked process to work in it. Never rejects; does nothing when none is parked. */
  async attach(): Promise<void> {
    await this.#alone(async () => {
      if (this.#held?.parked === true) await this.#claim(this.#held);
    }).catch(() => {});
  }

  /**
   * Gives a process with these settings, at work in the workspace and in this conversation; takes the one that is there when it fits.
   * `forgotten`: the conversation so far could not be found, and a new one begins. `reused`: the process was there already, and may have
   * died a moment ago without our knowing.
   */
  take(settings: AgentSettings): Promise<{ process: AgentProcess; forgotten: boolean; reused: boolean }> {
    return this.#alone(async () => {
      if (this.#closed) throw new Error("The executor is being stopped.");
      const held = this.#held;
      if (held !== null && fits(held, settings) && (!held.parked || (await this.#claim(held)))) {
        await configureHeld(held, settings);
        return { process: held.process, forgotten: false, reused: true };
      }
      await this.#held?.process.kill();
      return { ...(await this.#start(settings)), reused: false };
    });
  }

  /** Changes how the process that is there works from now on; false when none is. Rejects when it does not take it. */
  configure(change: ConfigureAgentInput): Promise<boolean> {
    return this.#alone(async () => {
      const held = this.#held;
      if (held === null || !held.process.usable) return false;
      await configureHeld(held, change);
      return true;
    });
  }

  /** Claude Code has changed by itself, or was allowed to change, what it may do without asking. */
  notePermissionMode(permissionMode: PermissionMode): void {
    if (this.#held !== null) this.#held.settings = { ...this.#held.settings, permissionMode };
  }

  /** Ends the process, if there is one. The conversation can go on with another one. */
  async stopProcess(): Promise<void> {
    await this.#held?.process.kill();
  }

  /** Ends the process for good. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.stopProcess();
    await this.#turn.catch(() => {});
    await this.stopProcess();
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }

  async #start(settings: AgentSettings): Promise<{ process: AgentProcess; forgotten: boolean }> {
    const resume = this.sessionId !== null && (await this.#hasTranscript(this.sessionId)) ? this.sessionId : null;
    const forgotten = this.sessionId !== null && resume === null;
    if (forgotten) this.sessionId = null;
    const process = new AgentProcess(await this.#parts(settings));
    this.#hold({ process, settings, parked: false });
    process.start({ cwd: this.#options.workspace, resume });
    return { process, forgotten };
  }

  async #claim(held: Held): Promise<boolean> {
    try {
      await held.process.claim(this.#options.workspace);
      held.parked = false;
      return true;
    } catch {
      return false; // the process is gone; whoever needs one starts it in the usual way
    }
  }

  #hold(held: Held): void {
    this.#held = held;
    void held.process.exited.then(() => {
      if (this.#held === held) this.#held = null;
    });
  }

  async #parts(settings: AgentSettings): Promise<AgentProcessOptions> {
    const { loadSdk, executable, trustedConfigRoot, environment, mark, onMessage } = this.#options;
    const { asks, ...wanted } = settings;
    const ask = asks ? this.#options.ask : null;
    const options = agentOptions({ environment: environment(), trustedConfigRoot, executable, ask, ...wanted });
    return { sdk: await loadSdk(), options, mark: { name: AGENT_MARK, value: mark }, onMessage };
  }

  /** Claude Code keeps transcripts as `projects/<folder>/<session>.jsonl`; resuming one that is not there fails. */
  async #hasTranscript(sessionId: string): Promise<boolean> {
    if (!UUID.test(sessionId)) return false;
    const root = join(this.#options.environment().CLAUDE_CONFIG_DIR ?? join(this.#options.home, ".claude"), "projects");
    for (const folder of await readdir(root).catch((): string[] => [])) {
      const found = await stat(join(root, folder, `${sessionId}.jsonl`)).catch(() => null);
      if (found?.isFile() === true) return true;
    }
    return false;
  }
}
