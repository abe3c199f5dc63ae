import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { GitCloneInput, GitCloneResult } from "@ccr/protocol";
import { z } from "zod";
import { replaceFile } from "./durable-file.ts";
import { newAgentMark } from "./environment.ts";

const State = z.object({
  /** By which the processes of our agents are known, also to the executor that follows this one. */
  agentMark: z.string(),
  /** A clone was begun and its end not seen: what is in the workspace is a half of it. */
  cloning: z.boolean(),
  clone: z.object({ request: GitCloneInput, result: GitCloneResult }).nullable(),
  /** The greatest fencing number that was heard. */
  fence: z.number().int().min(0).default(0),
  /** The conversation of another sandbox that is gone on with. */
  adopted: z.string().nullable().default(null),
});
export type State = z.infer<typeof State>;

/** What the executor remembers besides the spool, so that a restart changes nothing. Kept in one small file, written as a whole. */
export class StateFile {
  readonly #path: string;
  #state: State;
  #turn: Promise<void> = Promise.resolve();

  private constructor(path: string, state: State) {
    this.#path = path;
    this.#state = state;
  }

  /** Reads the state of a folder; begins a new one when there is none, or none that can be read. */
  static async open(folder: string): Promise<StateFile> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, "state.json");
    const text = await readFile(path, "utf8").catch(() => "");
    const known = readState(text);
    const file = new StateFile(
      path,
      known ?? { agentMark: newAgentMark(), cloning: false, clone: null, fence: 0, adopted: null },
    );
    if (known === null) await file.update({});
    return file;
  }

  get(): State {
    return this.#state;
  }

  /** Changes fields; resolves once the change is on disk. Changes are made one after another, in the order of the calls. */
  update(change: Partial<State>): Promise<void> {
    const done = this.#turn.then(async () => {
      const state = { ...this.#state, ...change };
      await replaceFile(this.#path, JSON.stringify(state));
      this.#state = state;
    });
    this.#turn = done.catch(() => {});
    return done;
  }
}

const readState = (text: string): State | null => {
  try {
    const parsed = State.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
};
