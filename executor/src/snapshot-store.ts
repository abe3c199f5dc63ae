import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { CcrError } from "@ccr/protocol";
import { git, isDiskFull, lastGitLine, runGit } from "./git.ts";
import type { CommandOutput } from "./run-command.ts";

export interface StoreOptions {
  workspace: string;
  /** Where the store is, outside of the workspace; may be removed at any time between two calls. */
  folder: string;
  env: Readonly<Record<string, string>>;
}

/** What the workspace's own repository says of itself; every name as bytes, one character each. */
export interface RepositoryState {
  /** The branch's full name; null when HEAD is detached, or there is no repository. */
  headRef: string | null;
  headCommit: string | null;
  refs: { name: string; commit: string }[];
}

export interface GitCall {
  input?: string | Buffer;
  signal: AbortSignal;
}

// A workspace with more branches than this is none that a person works with.
const REFS_MAX = 1_000;
const SMALL_FILE_MAX_BYTES = 1024 * 1024;

const SETTINGS = [
  "core.bare=false",
  // The spool's disk ends with the sandbox: there is nothing to outlive.
  "core.fsync=none",
  "pack.threads=1",
  "pack.windowMemory=256m",
].flatMap((setting) => ["-c", setting]);

const quoteForAlternates = (path: string): string => `"${path.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;

const withoutGit = (env: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("GIT_")));

const readSmallFile = async (path: string): Promise<Buffer | null> => {
  const found = await stat(path).catch(() => null);
  return found?.isFile() === true && found.size <= SMALL_FILE_MAX_BYTES ? readFile(path).catch(() => null) : null;
};

/** What git said, as an error of ours. Pure. */
export const storeError = (doing: string, { stderr }: CommandOutput): CcrError =>
  isDiskFull(stderr)
    ? new CcrError("disk_full", `The sandbox's disk is full: ${doing} failed.`)
    : new CcrError("internal", `${doing} failed: ${lastGitLine(stderr)}`);

/**
 * A repository of ours beside the workspace's: its own index, objects, refs and settings, and the workspace's objects to read. So nothing
 * that the agent sets (hooks, filters, a file system monitor, flags in the index) has a say, and nothing of ours is in the agent's way.
 */
export class SnapshotStore {
  readonly #options: StoreOptions;
  readonly #path: string;
  readonly #workspaceEnv: Readonly<Record<string, string>>;
  readonly #ownEnv: Readonly<Record<string, string>>;

  constructor(options: StoreOptions) {
    this.#options = options;
    this.#path = join(options.folder, "store");
    const env = withoutGit(options.env);
    // A workspace without a repository must not be taken for a part of one above it.
    this.#workspaceEnv = { ...env, GIT_CEILING_DIRECTORIES: dirname(options.workspace), GIT_NO_LAZY_FETCH: "1" };
    this.#ownEnv = {
      ...env,
      GIT_DIR: this.#path,
      GIT_WORK_TREE: options.workspace,
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_ATTR_NOSYSTEM: "1",
      GIT_LITERAL_PATHSPECS: "1",
      GIT_NO_REPLACE_OBJECTS: "1",
      GIT_NO_LAZY_FETCH: "1",
    };
  }

  get workspace(): string {
    return this.#options.workspace;
  }

  file(name: string): string {
    return join(this.#options.folder, name);
  }

  /** Removes the store and all in it; `open` makes a new one. */
  async remove(): Promise<void> {
    await rm(this.#options.folder, { recursive: true, force: true });
  }

  /** Makes the store when there is none, and lets it follow the workspace's repository. Gives what that one says of itself. */
  async open(signal: AbortSignal): Promise<RepositoryState & { fresh: boolean }> {
    const { workspace, folder } = this.#options;
    const found = await this.#inWorkspace(["rev-parse", "--show-object-format", "--git-path", "objects"], signal);
    const [format = "sha1", objects] = found.code === 0 ? found.stdout.toString("utf8").trimEnd().split("\n") : [];
    const objectFolder = objects === undefined ? null : resolve(workspace, objects);
    let fresh = (await readSmallFile(join(folder, "format")))?.toString("utf8") !== format;
    if (fresh) {
      await this.remove();
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const { GIT_DIR: _dir, GIT_WORK_TREE: _tree, ...env } = this.#ownEnv;
      await git(["init", "--quiet", "--bare", "--template=", `--object-format=${format}`, "--", this.#path], {
        cwd: folder,
        env,
        signal,
      });
      await mkdir(join(this.#path, "info"), { recursive: true });
      await writeFile(join(folder, "format"), format);
      fresh = true;
    }
    // What a call that was ended in the middle left.
    await rm(join(this.#path, "index.lock"), { force: true });
    await writeFile(
      join(this.#path, "objects", "info", "alternates"),
      objectFolder === null ? "" : `${quoteForAlternates(objectFolder)}\n`,
    );
    for (const [name, copy] of [
      ["info/exclude", "info/exclude"],
      ["shallow", "shallow"],
    ] as const) {
      const path = found.code === 0 ? await this.#gitPath(name, signal) : null;
      const content = path === null ? null : await readSmallFile(path);
      if (content === null) await rm(join(this.#path, copy), { force: true });
      else await writeFile(join(this.#path, copy), content);
    }
    return { ...(await this.#readState(signal)), fresh };
  }

  /** Runs git on the store's repository, with the workspace as its work tree. */
  run(args: readonly string[], { input, signal }: GitCall): Promise<CommandOutput> {
    return runGit([...SETTINGS, ...args], {
      cwd: this.#options.workspace,
      env: this.#ownEnv,
      signal,
      ...(input === undefined ? {} : { input }),
    });
  }

  /** As `run`; throws when git fails. */
  async must(args: readonly string[], call: GitCall, env: Readonly<Record<string, string>> = {}): Promise<Buffer> {
    const { input, signal } = call;
    const output = await runGit([...SETTINGS, ...args], {
      cwd: this.#options.workspace,
      env: { ...this.#ownEnv, ...env },
      signal,
      ...(input === undefined ? {} : { input }),
    });
    if (output.code !== 0 || output.truncated) throw storeError(`git ${args[0] ?? ""}`, output);
    return output.stdout;
  }

  /** Whether an object is there, in the store or in the workspace's repository. */
  async has(object: string, signal: AbortSignal): Promise<boolean> {
    return (await this.run(["cat-file", "-e", object], { signal })).code === 0;
  }

  /** Puts the refs that a bundle is made of in the place of the last ones. */
  async setRefs(refs: readonly { name: string; commit: string }[], head: string): Promise<void> {
    await this.#write("packed-refs", refs.map(({ name, commit }) => `${commit} ${name}\n`).join(""));
    await this.#write("HEAD", `${head}\n`);
  }

  async #write(name: string, content: string): Promise<void> {
    const path = join(this.#path, name);
    await writeFile(`${path}.new`, content, "latin1");
    await rename(`${path}.new`, path);
  }

  #inWorkspace(args: readonly string[], signal: AbortSignal): Promise<CommandOutput> {
    return runGit(["-c", "safe.directory=*", ...args], { cwd: this.#options.workspace, env: this.#workspaceEnv, signal });
  }

  async #gitPath(name: string, signal: AbortSignal): Promise<string | null> {
    const { code, stdout } = await this.#inWorkspace(["rev-parse", "--git-path", name], signal);
    return code === 0 ? resolve(this.#options.workspace, stdout.toString("utf8").replace(/\n$/, "")) : null;
  }

  async #readState(signal: AbortSignal): Promise<RepositoryState> {
    const ask = async (args: readonly string[]): Promise<string | null> => {
      const { code, stdout } = await this.#inWorkspace(args, signal);
      return code === 0 ? stdout.toString("latin1").trimEnd() : null;
    };
    const symbolic = await ask(["symbolic-ref", "--quiet", "HEAD"]);
    const headRef = symbolic?.startsWith("refs/heads/") === true ? symbolic : null;
    const head = await ask(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]);
    const listed = await ask([
      "for-each-ref",
      `--count=${REFS_MAX}`,
      "--format=%(objectname) %(refname)",
      "refs/heads",
      "refs/stash",
    ]);
    const lines = (listed ?? "").split("\n").filter((line) => line !== "");
    const refs = lines.map((line) => ({ commit: line.slice(0, line.indexOf(" ")), name: line.slice(line.indexOf(" ") + 1) }));
    // The agent works meanwhile: what the list says is what all of it was at one moment.
    const headCommit = refs.find(({ name }) => name === headRef)?.commit ?? head;
    const types = (
      await this.must(["cat-file", "--batch-check=%(objecttype)"], {
        input: refs.map(({ commit }) => `${commit}^{tree}\n`).join(""),
        signal,
      })
    )
      .toString("utf8")
      .split("\n");
    // A commit whose objects are gone can be neither a parent nor a branch.
    const whole = headCommit !== null && (await this.has(`${headCommit}^{tree}`, signal));
    return { headRef, headCommit: whole ? headCommit : null, refs: refs.filter((_ref, index) => types[index] === "tree") };
  }
}
