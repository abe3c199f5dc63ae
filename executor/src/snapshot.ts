import { isUtf8 } from "node:buffer";
import { type FileHandle, open, rm } from "node:fs/promises";
import { CcrError, SNAPSHOT_REF, type WorkSnapshot } from "@ccr/protocol";
import { assertFolder, clonePath } from "./clones.ts";
import { bringUpToDate } from "./snapshot-index.ts";
import { SnapshotStore, storeError } from "./snapshot-store.ts";
import type { StateFile } from "./state.ts";

export interface SnapshotOptions {
  workspace: string;
  /** The folder of the workspace that is the clone; the workspace itself when left out. */
  directory?: string | undefined;
  /** A folder of its own, outside of the workspace. */
  scratch: string;
  env: Readonly<Record<string, string>>;
  state: StateFile;
  /** What the store may hold beyond twice what the first snapshot needed, before a new one is made. */
  spare?: { objects: number; kib: number };
}

/** `chunks` is to be read, or the signal of the call to be aborted: until then the file takes its place on the disk. */
interface BundleFile {
  length: number;
  chunks: AsyncIterable<Buffer>;
}

// The first snapshot of a large workspace reads every file of it.
const SNAPSHOT_MS = 10 * 60_000;
const LEFT_OUT_NAMED = 100;
// Beyond this, what earlier snapshots left in the store is worth the price of a new one.
const SPARE = { objects: 20_000, kib: 512 * 1024 };

const IDENTITY = { name: "claude-code-runner", email: "noreply@claude-code-runner.invalid" };

interface Latest {
  commit: string;
  refs: { name: string; commit: string }[];
  headCommit: string | null;
  baseCommit: string | null;
}

/** Takes snapshots of one clone, one at a time, and bundles the latest. Its files and its repository are only read. */
export class Snapshots {
  readonly #options: SnapshotOptions;
  readonly #store: SnapshotStore;
  #latest: Latest | null = null;
  /** HEAD at the last time that the index was brought up to date. */
  #indexed: string | null = null;
  #allowed: { objects: number; kib: number } | null = null;
  /** Commits of which something is missing: nothing can build on them. */
  readonly #broken = new Set<string>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: SnapshotOptions) {
    this.#options = options;
    const { workspace, directory, scratch: folder, env } = options;
    this.#store = new SnapshotStore({ workspace: clonePath(workspace, directory), folder, env });
  }

  /** Makes a commit of all that is in the workspace now. The same files, HEAD and branches give the same commit. */
  take(signal: AbortSignal): Promise<WorkSnapshot> {
    return this.#alone(signal, async (until) => {
      const { workspace, directory, state } = this.#options;
      const { cloning } = state.get();
      if (cloning !== null && (directory === undefined || cloning.directory === directory)) {
        throw new CcrError("conflict", "The repository is still being cloned: there is no work to keep yet.");
      }
      await assertFolder(workspace, directory);
      try {
        return await this.#take(until);
      } catch (error) {
        until.throwIfAborted();
        if (error instanceof CcrError && error.code === "disk_full") throw error;
        // The store is in the agent's reach, and worth nothing: a new one costs a moment.
        await this.#forget();
        return await this.#take(until);
      }
    });
  }

  /** The bundle of the latest snapshot: `not_found` for any other. */
  bundle(snapshot: string, signal: AbortSignal): Promise<BundleFile> {
    return this.#alone(signal, async (until) => {
      const latest = this.#latest;
      if (latest === null || latest.commit !== snapshot) {
        throw new CcrError("not_found", `${snapshot} is not the latest snapshot: take a new one.`);
      }
      await assertFolder(this.#options.workspace, this.#options.directory);
      const path = this.#store.file("bundle");
      const { baseCommit } = latest;
      const base = baseCommit !== null && (await this.#store.has(`${baseCommit}^{commit}`, until)) ? [`^${baseCommit}`] : [];
      const branches = latest.refs.map(({ name }) => name);
      await rm(path, { force: true });
      const names = [SNAPSHOT_REF, ...(latest.headCommit === null ? [] : ["HEAD"]), ...branches];
      const made = await this.#store.run(["bundle", "create", "--quiet", path, "--stdin"], {
        input: Buffer.from(`${[...names, ...base].join("\n")}\n`, "latin1"),
        signal: until,
      });
      if (made.code !== 0) {
        const error = storeError("Making the bundle", made);
        if (error.code === "disk_full" || !(await this.#findBroken(latest, base, until))) throw error;
        throw new CcrError("conflict", "Objects of a branch are missing: take a new snapshot, which does without it.");
      }
      const file = await open(path, "r");
      // It stays readable through the handle, and is gone with it, whatever ends us.
      await rm(path, { force: true });
      signal.addEventListener("abort", () => void file.close().catch(() => {}), { once: true });
      return { length: (await file.stat()).size, chunks: read(file) };
    });
  }

  async #take(signal: AbortSignal): Promise<WorkSnapshot> {
    if (this.#allowed !== null && (await this.#isGrown(this.#allowed, signal))) await this.#forget();
    const store = this.#store;
    const { fresh, headRef, ...state } = await store.open(signal);
    const headCommit = state.headCommit !== null && this.#broken.has(state.headCommit) ? null : state.headCommit;
    const refs = state.refs.filter(({ commit }) => !this.#broken.has(commit));
    if (fresh) {
      this.#indexed = null;
      this.#allowed = null;
    }
    const leftOut = await bringUpToDate({ store, headCommit, signal }, this.#indexed);
    this.#indexed = headCommit;
    const tree = (await store.must(["write-tree"], { signal })).toString("utf8").trim();
    const { commit, head } = await this.#commit({ tree, headRef, headCommit, refs }, signal);
    await store.setRefs([...refs, { name: SNAPSHOT_REF, commit }], head);
    const { directory } = this.#options;
    const clone = this.#options.state.get().clones.find(({ request }) => request.directory === directory);
    const baseCommit = clone?.result.commit ?? null;
    this.#latest = { commit, refs, headCommit, baseCommit };
    if (this.#allowed === null) {
      const { objects, kib } = await this.#count(signal);
      const spare = this.#options.spare ?? SPARE;
      this.#allowed = { objects: 2 * objects + spare.objects, kib: 2 * kib + spare.kib };
    }
    return {
      baseCommit,
      headCommit,
      branch: headRef === null ? null : Buffer.from(headRef, "latin1").toString("utf8").slice("refs/heads/".length),
      snapshotCommit: commit,
      ...(leftOut.length === 0 ? {} : { leftOut: leftOut.slice(0, LEFT_OUT_NAMED) }),
    };
  }

  /** Finds what keeps a bundle from being made, for the snapshots to come. Gives whether there is something. */
  async #findBroken({ refs, headCommit }: Latest, base: readonly string[], signal: AbortSignal): Promise<boolean> {
    const before = this.#broken.size;
    for (const commit of new Set([...refs.map((ref) => ref.commit), ...(headCommit === null ? [] : [headCommit])])) {
      const walked = await this.#store.run(["rev-list", "--objects", "--quiet", commit, ...base, "--"], { signal });
      if (walked.code !== 0) this.#broken.add(commit);
    }
    return this.#broken.size > before;
  }

  /** The message names HEAD and every branch, so that a branch that moves makes another snapshot, and a restored one has them all. */
  async #commit(
    work: { tree: string; headRef: string | null; headCommit: string | null; refs: readonly { name: string; commit: string }[] },
    signal: AbortSignal,
  ): Promise<{ commit: string; head: string }> {
    const { tree, headRef, headCommit, refs } = work;
    const head = headRef === null ? (headCommit ?? "ref: refs/heads/main") : `ref: ${headRef}`;
    const lines = ["The workspace as it is", "", `HEAD ${head}`, ...refs.map(({ name, commit }) => `${commit} ${name}`)];
    const time =
      headCommit === null
        ? ""
        : (await this.#store.must(["show", "-s", "--format=%ct", headCommit], { signal })).toString("utf8");
    const date = `@${/^\d{1,10}$/.test(time.trim()) ? time.trim() : "0"} +0000`;
    const message = Buffer.from(`${lines.join("\n")}\n`, "latin1");
    // What is no UTF-8 git would make it, and name a branch that is not there.
    const encoding = isUtf8(message) ? [] : ["-c", "i18n.commitEncoding=ISO-8859-1"];
    const commit = await this.#store.must(
      [...encoding, "commit-tree", tree, ...(headCommit === null ? [] : ["-p", headCommit])],
      { input: message, signal },
      {
        GIT_AUTHOR_NAME: IDENTITY.name,
        GIT_AUTHOR_EMAIL: IDENTITY.email,
        GIT_AUTHOR_DATE: date,
        GIT_COMMITTER_NAME: IDENTITY.name,
        GIT_COMMITTER_EMAIL: IDENTITY.email,
        GIT_COMMITTER_DATE: date,
      },
    );
    return { commit: commit.toString("utf8").trim(), head };
  }

  async #count(signal: AbortSignal): Promise<{ objects: number; kib: number }> {
    const text = (await this.#store.must(["count-objects", "-v"], { signal })).toString("utf8");
    const find = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, "m").exec(text)?.[1] ?? 0);
    return { objects: find("count"), kib: find("size") };
  }

  async #isGrown(allowed: { objects: number; kib: number }, signal: AbortSignal): Promise<boolean> {
    const { objects, kib } = await this.#count(signal).catch(() => ({ objects: 0, kib: 0 })); // then there is no store any more
    return objects > allowed.objects || kib > allowed.kib;
  }

  async #forget(): Promise<void> {
    this.#latest = null;
    this.#indexed = null;
    this.#allowed = null;
    await this.#store.remove();
  }

  #alone<T>(signal: AbortSignal, work: (until: AbortSignal) => Promise<T>): Promise<T> {
    const result = this.#turn.then(async () => {
      if (signal.aborted) throw new CcrError("timeout", "Nobody waits for the snapshot any more.");
      const late = AbortSignal.timeout(SNAPSHOT_MS);
      try {
        return await work(AbortSignal.any([signal, late]));
      } catch (error) {
        if (late.aborted) throw new CcrError("timeout", "The snapshot was not done within 10 minutes.", { cause: error });
        throw error;
      }
    });
    this.#turn = result.catch(() => {});
    return result;
  }
}

async function* read(file: FileHandle): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of file.createReadStream({ autoClose: false })) if (Buffer.isBuffer(chunk)) yield chunk;
  } finally {
    await file.close().catch(() => {}); // the reader left, and it is closed already
  }
}
