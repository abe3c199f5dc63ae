import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { DirectoryName, GitCloneInput, GitCloneResult } from "@ccr/protocol";
import { z } from "zod";
import { replaceFile } from "./durable-file.ts";
import { newAgentMark } from "./environment.ts";

const Clone = z.object({ request: GitCloneInput, result: GitCloneResult });
export type Clone = z.infer<typeof Clone>;

const Common = z.object({
  /** By which the processes of our agents are known, also to the executor that follows this one. */
  agentMark: z.string(),
  /** The greatest fencing number that was heard. */
  fence: z.number().int().min(0).default(0),
  /** The conversation of another sandbox that is gone on with. */
  adopted: z.string().nullable().default(null),
});

const State = Common.extend({
  /** A clone was begun and its end not seen: what is in its folder, or in the workspace itself, is a half of it. */
  cloning: z.object({ directory: DirectoryName.optional() }).nullable(),
  /** In the order in which they were made. */
  clones: z.array(Clone),
});
export type State = z.infer<typeof State>;

/** What an executor wrote that knew of one clone alone, in the workspace itself. */
const FormerState = Common.extend({ cloning: z.boolean(), clone: Clone.nullable() }).transform(
  ({ cloning, clone, ...common }): State => ({
    ...common,
    cloning: cloning ? {} : null,
    clones: clone === null ? [] : [clone],
  }),
);

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
    const file = new StateFile(path, known ?? { agentMark: newAgentMark(), cloning: null, clones: [], fence: 0, adopted: null });
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
    const parsed = z.union([State, FormerState]).safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
};
