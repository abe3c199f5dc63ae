import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import type { RepositoryAddress } from "@ccr/protocol";
import { type Resolve, resolveHost } from "./addresses.ts";
import { openBare } from "./bare.ts";
import { connect } from "./connection.ts";
import { type FindCredential, noCredential } from "./credentials.ts";
import { explainFailure, MirrorError } from "./failure.ts";
import { fetchInto } from "./fetch.ts";
import { checkLocalRepository, type LocalRepository } from "./local.ts";
import { createMirrorUse, type MirrorUse } from "./mirror-use.ts";
import { isRefName, type ResolvedRef } from "./refs.ts";
import { createSharedWork } from "./shared-work.ts";

export { MirrorError };

export interface MirrorsOptions {
  dataDir: string;
  /** Local repositories are taken from under these folders alone. */
  localRepositoryRoots: readonly string[];
  /** What the repositories' hosts are shown; nothing when left out. */
  credential?: FindCredential;
  /** The server's environment, of which git gets the search path, keys, proxies and certificates; a plain `PATH` when left out. */
  environment?: Readonly<Record<string, string | undefined>>;
  /** Shared with what removes mirrors that nobody uses. */
  use?: Pick<MirrorUse, "enter">;
  now?: () => Date;
  resolve?: Resolve;
  /** What one fetch may take at most. */
  timeoutMs?: number;
  /** An http(s) server that is silent for this long is given up. */
  stallSeconds?: number;
}

/** A mirror that was fetched just now, and where a run starts in it. */
export interface FreshMirror {
  /** A bare repository with every branch and tag; its HEAD is the remote's. */
  mirrorPath: string;
  commit: string;
  ref: ResolvedRef;
  /** The real address, without a credential. */
  cloneUrl: string;
}

export interface Mirrors {
  /**
   * Fetches the repository and finds the commit to start from. What it gives is never older than the call (but by a second, when calls
   * come at once and share a fetch). Throws a `MirrorError` when that cannot be, even if an older mirror exists, and the signal's
   * reason when it is aborted.
   */
  ensure(
    address: RepositoryAddress,
    options: { ref?: string | undefined; report: (text: string) => void; signal: AbortSignal },
  ): Promise<FreshMirror>;
}

/** What is asked of mirrors for the sake of work that needs their commits. Nothing here fetches. */
export interface MirrorPins {
  /** The folder of a repository's mirror; null: there is none. */
  find(address: RepositoryAddress): Promise<string | null>;
  /** Lets the mirror keep a commit, also when no branch leads to it any more, until `unpin`. Gives whether the commit is there. Idempotent. */
  pin(mirrorPath: string, pin: { name: string; commit: string }, signal: AbortSignal): Promise<boolean>;
  /** Takes back the pins of a name, but for that of the commit `except`. Idempotent. */
  unpin(mirrorPath: string, pin: { name: string; except: string | null }, signal: AbortSignal): Promise<void>;
  /** Whether kept work needs the mirror: it must not be removed then. */
  isPinned(mirrorPath: string, signal: AbortSignal): Promise<boolean>;
}

// A large repository over a slow line takes its time; what is slower than this needs another way in.
const FETCH_MS = 30 * 60_000;
const STALL_SECONDS = 60;
// Calls this close together see the same remote for all that anybody can tell.
const TOGETHER_MS = 1_000;
// Half-made mirrors of a killed server; no fetch that is alive is as old.
const LEFTOVER_MS = 2 * FETCH_MS;

/** How the names begin of what is not, or no longer, a mirror. */
export const UNFINISHED = ".unfinished-";

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

const isFull = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");

/** The name of a mirror's folder: unique by the digest, readable for people who look into the data directory. Pure. */
export const mirrorName = (address: string): string => {
  const digest = createHash("sha256").update(address).digest("hex").slice(0, 16);
  const last = address.replace(/\/+$/, "").split(/[/:]/).at(-1) ?? "";
  const readable = last
    .replace(/\.git$/, "")
    .replace(/[^A-Za-z0-9._-]/g, "_")
    .replace(/^[.-]+/, "")
    .slice(0, 40);
  return `${digest}-${readable === "" ? "repository" : readable}.git`;
};

type Target = { address: RepositoryAddress; local: LocalRepository | null };
type Work = { signal: AbortSignal; report: (text: string) => void };

/** Keeps bare mirrors of repositories under `<dataDir>/mirrors`; whoever reads one never sees it half made. */
export const createMirrors = (options: MirrorsOptions): Mirrors & MirrorPins => {
  const { now = () => new Date(), resolve = resolveHost, timeoutMs = FETCH_MS, stallSeconds = STALL_SECONDS } = options;
  const { environment = {}, localRepositoryRoots, credential = noCredential, use = createMirrorUse() } = options;
  const folder = join(options.dataDir, "mirrors");
  const fetches = createSharedWork<void>(() => now().getTime(), TOGETHER_MS);
  let prepared: Promise<void> | null = null;

  const removeLeftovers = async (): Promise<void> => {
    await mkdir(folder, { recursive: true });
    for (const name of await readdir(folder)) {
      if (!name.startsWith(UNFINISHED)) continue;
      const found = await stat(join(folder, name)).catch(() => null);
      if (found !== null && Date.now() - found.mtimeMs > LEFTOVER_MS)
        await rm(join(folder, name), { recursive: true, force: true });
    }
  };

  const prepare = async (): Promise<void> => {
    prepared ??= removeLeftovers();
    try {
      await prepared;
    } catch (error) {
      prepared = null; // the next call tries again
      throw error;
    }
  };

  const openMirror = (path: string) => openBare(path, { folder, server: environment });

  const refresh = async (path: string, target: Target, work: Work): Promise<void> => {
    const way = { folder, credential, server: environment, resolve, stallSeconds };
    await using connection = await connect(target, way, work.signal);
    const { display } = target.address;
    const options = { folder, timeoutMs, display, ...work };
    if (await exists(path)) {
      const state = await fetchInto({ path, bare: openMirror(path), mayRebuild: true }, connection, options);
      if (state === "fetched") return;
      work.report("The mirror is damaged; fetching everything anew.");
    }
    // Made beside its place and then put there, so that nobody ever reads a half-made one.
    const fresh = join(folder, `${UNFINISHED}${randomUUID()}`);
    const old = join(folder, `${UNFINISHED}${randomUUID()}`);
    try {
      const bare = openMirror(fresh);
      const made = await bare.initialize(work.signal);
      if (made.kind !== "exited" || made.code !== 0) {
        throw explainFailure(made, { display, transport: target.address.transport, secrets: [] });
      }
      await fetchInto({ path: fresh, bare, mayRebuild: false }, connection, options);
      if (await exists(path)) {
        // What kept work needs may be in no branch of the remote any more.
        await openMirror(fresh).takePins(path, work.signal);
        await rename(path, old);
      }
      await rename(fresh, path);
    } finally {
      await rm(fresh, { recursive: true, force: true });
      await rm(old, { recursive: true, force: true });
    }
  };

  const findStart = async (path: string, display: string, { ref, signal }: { ref: string | undefined; signal: AbortSignal }) => {
    const bare = openMirror(path);
    const found = ref === undefined ? await bare.findHead(signal) : await bare.findRef(ref, signal);
    if (found !== null) return found;
    if (await bare.isEmpty(signal)) {
      throw new MirrorError("repository_empty", `The repository ${display} is empty: push a first commit, then run again.`);
    }
    throw new MirrorError(
      "ref_not_found",
      ref === undefined
        ? `The repository ${display} has no default branch: name the branch to start from.`
        : `The repository ${display} has no branch, tag or commit '${ref}'.`,
    );
  };

  const checkLocal = (path: string) => checkLocalRepository(path, { roots: localRepositoryRoots, closedFolder: options.dataDir });
  const pathOf = (address: RepositoryAddress, local: LocalRepository | null): string => {
    const key = address.transport === "local" ? (local?.path ?? address.path) : address.url;
    return join(folder, mirrorName(key));
  };

  return {
    find: async (address) => {
      // One that was taken away since then is looked for under its own name.
      const local = address.transport === "local" ? await checkLocal(address.path).catch(() => null) : null;
      const path = pathOf(address, local);
      return (await exists(path)) ? path : null;
    },
    pin: async (mirrorPath, { name, commit }, signal) => {
      const bare = openMirror(mirrorPath);
      if ((await bare.commitOf(commit, signal)) === null) return false;
      const outcome = await bare.pin(name, commit, signal);
      return outcome.kind === "exited" && outcome.code === 0;
    },
    unpin: async (mirrorPath, { name, except }, signal) => {
      if (await exists(mirrorPath)) await openMirror(mirrorPath).unpin(name, { except }, signal);
    },
    isPinned: (mirrorPath, signal) => openMirror(mirrorPath).isPinned(signal),
    ensure: async (address, { ref, report, signal }) => {
      if (ref !== undefined && !isRefName(ref)) {
        throw new MirrorError("ref_not_found", `'${ref.slice(0, 100)}' cannot be the name of a branch or tag.`);
      }
      try {
        await prepare();
        const local = address.transport === "local" ? await checkLocal(address.path) : null;
        const path = pathOf(address, local);
        using _inside = await use.enter(path);
        await fetches.run(path, (until, tell) => refresh(path, { address, local }, { signal: until, report: tell }), {
          report,
          signal,
        });
        // By this its age is told: a fetch that finds nothing new changes no file.
        await utimes(path, now(), now());
        const cloneUrl = address.transport === "local" ? address.path : address.url;
        return { mirrorPath: path, ...(await findStart(path, address.display, { ref, signal })), cloneUrl };
      } catch (error) {
        if (isFull(error))
          throw new MirrorError("disk_full", "The server's disk is full: no repository can be stored.", { cause: error });
        throw error;
      }
    },
  };
};
