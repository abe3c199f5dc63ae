import { randomBytes } from "node:crypto";
import { stat } from "node:fs/promises";
import {
  CcrError,
  ENDED_SHELLS_MAX,
  type FollowShellQuery,
  SHELLS_MAX,
  type Shell,
  type ShellId,
  type ShellInput,
  type ShellInputResult,
  type ShellOutcome,
  type ShellResize,
  type ShellSize,
} from "@ccr/protocol";
import type { z } from "zod";
import { SHELL_MARK } from "./environment.ts";
import { killMarked } from "./processes.ts";
import { OpenShell } from "./shell.ts";
import { stoppingError } from "./stopping.ts";

// Long enough for a program that puts its files away when its terminal is gone.
const HANG_UP_GRACE_MS = 500;

export interface ShellsOptions {
  workspace: string;
  env: Readonly<Record<string, string>>;
  /** By which the processes of this executor are known. */
  mark: string;
  /** Called with the first one. */
  onFirst: () => void;
}

/** Shells of people, a few at once: they see what the agent sees, and are gone with their sandbox. */
export class Shells {
  readonly #options: ShellsOptions;
  /** In the order in which they were opened. */
  readonly #shells = new Map<ShellId, OpenShell>();
  #opening = 0;
  #isFirst = true;
  #closed = false;

  constructor(options: ShellsOptions) {
    this.#options = options;
  }

  async open(size: ShellSize): Promise<Shell> {
    if (this.#closed) throw stoppingError();
    const open = [...this.#shells.values()].filter(({ isOpen }) => isOpen).length;
    if (open + this.#opening >= SHELLS_MAX) {
      throw new CcrError(
        "too_many_requests",
        `There are ${SHELLS_MAX} shells open in this sandbox, which is the most: close one first.`,
      );
    }
    this.#opening += 1;
    try {
      return (await this.#start(size)).describe();
    } finally {
      this.#opening -= 1;
    }
  }

  list(): Shell[] {
    return [...this.#shells.values()].map((shell) => shell.describe());
  }

  follow({ id, after }: z.infer<typeof FollowShellQuery>, signal: AbortSignal): AsyncIterable<Buffer> {
    return this.#get(id).follow(after, signal);
  }

  type({ id, writer, n, text }: ShellInput): ShellInputResult {
    return { typed: this.#get(id).type(writer, n, text) };
  }

  resize({ id, cols, rows }: ShellResize): Shell {
    const shell = this.#get(id);
    shell.resize({ cols, rows });
    return shell.describe();
  }

  /** Ends a shell and everything that was started in it, wherever that went; one that has ended already is forgotten. */
  async close(id: ShellId): Promise<Shell> {
    const shell = this.#get(id);
    if (!shell.isOpen) this.#shells.delete(id);
    await this.#end(shell, { kind: "closed" }, HANG_UP_GRACE_MS);
    return shell.describe();
  }

  /** Ends all of them, at once, and opens no more. Whoever reads is told that the sandbox has ended. */
  async stop(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#shells.values()].map((shell) => this.#end(shell, { kind: "sandbox_ended" }, 0)));
  }

  async #end(shell: OpenShell, outcome: ShellOutcome, graceMs: number): Promise<void> {
    shell.hangUp(outcome);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, graceMs);
    });
    await Promise.race([shell.ended, late]);
    clearTimeout(timer);
    await killMarked(SHELL_MARK, this.#markOf(shell.id));
    await shell.ended;
  }

  async #start(size: ShellSize): Promise<OpenShell> {
    const { workspace, env, onFirst } = this.#options;
    const folder = await stat(workspace).catch(() => null);
    if (folder?.isDirectory() !== true)
      throw new CcrError("conflict", `There is no workspace at ${workspace} yet: a shell can be opened when it is there.`);
    // Native code, which nobody needs who opens no shell.
    const { spawn } = await import("@lydell/node-pty").catch((error: unknown) => {
      throw new CcrError("internal", "Terminals cannot be made on this kind of machine.", { cause: error });
    });
    if (this.#closed) throw stoppingError();
    const id: ShellId = `shell_${randomBytes(8).toString("hex")}`;
    let shell: OpenShell;
    try {
      const pty = spawn("bash", [], {
        ...size,
        name: "xterm-256color",
        cwd: workspace,
        // Systems whose own settings have a prompt use that.
        env: { PS1: "\\w \\$ ", ...env, COLORTERM: "truecolor", SHELL: "/bin/bash", [SHELL_MARK]: this.#markOf(id) },
        encoding: null,
      });
      shell = new OpenShell(id, pty, size);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new CcrError("unavailable", `The sandbox has no terminal to give now: ${why}.`, { cause: error });
    }
    this.#shells.set(id, shell);
    this.#forgetOld();
    if (this.#isFirst) onFirst();
    this.#isFirst = false;
    return shell;
  }

  #forgetOld(): void {
    const ended = [...this.#shells.values()].filter(({ isOpen }) => !isOpen);
    for (const { id } of ended.slice(0, Math.max(0, ended.length - ENDED_SHELLS_MAX))) this.#shells.delete(id);
  }

  #markOf(id: ShellId): string {
    return `${this.#options.mark}:${id}`;
  }

  #get(id: ShellId): OpenShell {
    const shell = this.#shells.get(id);
    if (shell === undefined)
      throw new CcrError("not_found", `There is no shell ${id} in this sandbox (any more): open another one.`);
    return shell;
  }
}
