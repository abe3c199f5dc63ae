import { randomUUID } from "node:crypto";
import { constants, createReadStream } from "node:fs";
import { chmod, copyFile, mkdir, mkdtemp, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CcrError, parseRepository, type RepositoryAddress, RunId, type WorkSnapshot } from "@ccr/protocol";
import type { MirrorPins, Mirrors } from "./mirrors.ts";
import { createTurns } from "./turns.ts";
import { readChanges, streamPatch, type WorkChanges } from "./work-changes.ts";
import { conversationBytes, giveConversation, keepConversation, listConversations } from "./work-conversation.ts";
import {
  diskBytes,
  explainDisk,
  type KeptRecord,
  makeFolder,
  readRecord,
  removeBundles,
  syncFolder,
  writeAll,
  writeRecord,
} from "./work-files.ts";
import { keepOutput, openOutput } from "./work-output.ts";
import { type KeptCheckout, type KeptOf, keptFolder, keptFolders, makeKeptFolder, pinName } from "./work-places.ts";
import { BUNDLE_MAX_BYTES, openQuarantine, type Quarantine } from "./work-quarantine.ts";
import { restoreWork } from "./work-restore.ts";

export interface KeptWorkOptions {
  dataDir: string;
  mirrors: Pick<Mirrors, "ensure"> & MirrorPins;
  /** Removes a folder in which an agent may have written, whatever it put there. */
  removeFolder: (folder: string) => Promise<void>;
  /** The server's environment, of which git gets the search path; a plain one when left out. */
  environment?: Readonly<Record<string, string | undefined>>;
  now?: () => Date;
  maxBundleBytes?: number;
}

/** Bytes to be read once; dispose of it, read or not. */
export interface Download extends AsyncDisposable {
  /** null: not known before. */
  bytes: number | null;
  chunks: AsyncIterable<Uint8Array>;
}

/** A bundle of its own, and what else is needed to check it out. */
export interface GivenWork {
  /** The name of its file. */
  bundle: string;
  /** Where the commits are that it builds on; null: it needs none. */
  mirrorPath: string | null;
  /** The repository's address, without a credential. */
  origin: string;
}

/** What the retention rules look at. */
export interface KeptRun {
  runId: RunId;
  bytes: number;
  /** When something was last kept of it. */
  at: Date;
}

export type KeptWorkStore = ReturnType<typeof createKeptWork>;

const COMMIT = /^[0-9a-f]{40}([0-9a-f]{24})?$/;
const UNFINISHED = ".unfinished-";
const GIVEN = "work.bundle";
const LEFTOVER_TRIES = 10;
const LEFTOVER_PAUSE_MS = 200;
// A file that is replaced between looking it up and opening it is looked up again.
const LOOK_UPS = 3;

const addressOf = (repository: string): RepositoryAddress => {
  const parsed = parseRepository(repository);
  if (!parsed.ok) throw new CcrError("bad_request", `repository: ${parsed.message}`);
  return parsed.address;
};

const checkNames = ({ baseCommit, headCommit, snapshotCommit }: WorkSnapshot): void => {
  for (const commit of [baseCommit, headCommit, snapshotCommit]) {
    if (commit !== null && !COMMIT.test(commit)) {
      throw new CcrError("unprocessable", "The snapshot names something that is not a commit.");
    }
  }
};

/**
 * Keeps restorable copies of the work of runs under `<dataDir>/kept/<runId>`: for each repository a bundle that was checked, Claude Code's conversations, and
 * (under `workspace`) what was put aside as it is. Whatever is killed, either the earlier or the later work of a run is there as a whole.
 * The commits that it builds on stay in the repository's mirror for as long. One server has the folder to itself.
 */
export const createKeptWork = (options: KeptWorkOptions) => {
  const { dataDir, mirrors, removeFolder, environment: server = {}, now = () => new Date() } = options;
  const maxBytes = options.maxBundleBytes ?? BUNDLE_MAX_BYTES;
  const root = join(dataDir, "kept");
  const turns = createTurns();
  let prepared: Promise<void> | null = null;

  const removeLeftovers = async (): Promise<void> => {
    await mkdir(root, { recursive: true, mode: 0o700 });
    for (const name of await readdir(root)) if (name.startsWith(UNFINISHED)) await removeLeftover(join(root, name));
  };
  /** A git of the one who was killed may write for a moment longer; what stays even so is removed at the next start. */
  const removeLeftover = async (folder: string): Promise<void> => {
    for (let tries = 1; tries <= LEFTOVER_TRIES; tries++) {
      try {
        return await removeFolder(folder);
      } catch {
        await delay(LEFTOVER_PAUSE_MS);
      }
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

  /** A folder for what is not finished, gone with the block that uses it. */
  const temporary = async (): Promise<AsyncDisposable & { path: string }> => {
    await prepare();
    const path = await mkdtemp(join(root, UNFINISHED));
    return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
  };

  const folderOf = (runId: RunId): string => keptFolder(root, { runId, directory: null });
  const mirrorOf = (record: Pick<KeptRecord, "mirror">): string | null =>
    record.mirror === null ? null : join(dataDir, "mirrors", record.mirror);

  /** Lets the mirror hold on to the base commit, and gives where it is; fetches it when this server has none yet. */
  const pinBase = async (checkout: KeptCheckout, commit: string | null, signal: AbortSignal) => {
    if (commit === null) return null;
    const address = addressOf(checkout.repository);
    const pin = { name: pinName(checkout), commit };
    const mirrorPath = (await mirrors.find(address)) ?? (await mirrors.ensure(address, { report: () => {}, signal })).mirrorPath;
    if (await mirrors.pin(mirrorPath, pin, signal)) return mirrorPath;
    throw new CcrError(
      "unprocessable",
      `The work cannot be kept: the mirror of ${address.display} does not have its base ${commit}.`,
    );
  };

  const keep = async (
    checkout: KeptCheckout,
    { snapshot, bundle }: { snapshot: WorkSnapshot; bundle: AsyncIterable<Uint8Array> },
    signal: AbortSignal,
  ): Promise<void> => {
    checkNames(snapshot);
    const before = await find(checkout);
    if (before?.snapshot.snapshotCommit === snapshot.snapshotCommit) return;
    await using place = await temporary();
    const incoming = join(place.path, "bundle");
    const file = await open(incoming, "wx", 0o600);
    let bundleBytes: number;
    try {
      bundleBytes = await writeAll(file, bundle, { maxBytes, signal });
    } finally {
      await file.close();
    }
    const mirrorPath = await pinBase(checkout, snapshot.baseCommit, signal);
    await openQuarantine({ folder: place.path, bundle: incoming, snapshot, mirrorPath, server, signal });
    signal.throwIfAborted();
    const folder = await makeKeptFolder(root, checkout);
    const name = `work-${randomUUID()}.bundle`;
    await rename(incoming, join(folder, name));
    await syncFolder(folder);
    const address = addressOf(checkout.repository);
    await writeRecord(folder, {
      version: 1,
      snapshot,
      at: now().toISOString(),
      bundle: name,
      bundleBytes,
      mirror: mirrorPath === null ? null : basename(mirrorPath),
      origin: address.transport === "local" ? address.path : address.url,
    });
    // From here on the later one counts; what follows only makes room.
    await removeBundles(folder, name);
    if (mirrorPath !== null) await mirrors.unpin(mirrorPath, { name: pinName(checkout), except: snapshot.baseCommit }, signal);
  };

  const find = async (of: KeptOf): Promise<{ snapshot: WorkSnapshot; at: string } | null> => {
    const folder = keptFolder(root, of);
    const record = await readRecord(folder);
    if (record === null) return null;
    const bundle = await stat(join(folder, record.bundle)).catch(() => null);
    return bundle?.size === record.bundleBytes ? { snapshot: record.snapshot, at: record.at } : null;
  };

  const openBundle = async (of: KeptOf) => {
    const folder = keptFolder(root, of);
    for (let look = 1; look <= LOOK_UPS; look++) {
      const record = await readRecord(folder);
      if (record === null) return null;
      const file = await open(join(folder, record.bundle), "r").catch(() => null);
      if (file !== null) return { record, file };
    }
    return null;
  };

  const openedBundle = async (of: KeptOf) => {
    const found = await openBundle(of);
    return found === null ? null : { ...found, [Symbol.asyncDispose]: () => found.file.close() };
  };

  /** Unpacks what is kept of a repository; null: nothing is. */
  const unpack = async (of: KeptOf, folder: string, signal: AbortSignal) => {
    const found = await openBundle(of);
    if (found === null) return null;
    await using file = found.file;
    const { record } = found;
    const mirrorPath = mirrorOf(record);
    // It stays readable by this name, also when a later one takes its place.
    const bundle = `/dev/fd/${file.fd}`;
    const quarantine = await openQuarantine({ folder, bundle, snapshot: record.snapshot, mirrorPath, server, signal });
    return { record, mirrorPath, quarantine };
  };

  return {
    /** See `KeptWork` of the run engine. */
    keep: (checkout: KeptCheckout, work: Parameters<typeof keep>[1], signal: AbortSignal): Promise<void> =>
      turns.take(checkout.runId, async () => {
        try {
          await keep(checkout, work, signal);
        } catch (error) {
          signal.throwIfAborted();
          throw explainDisk(error);
        }
      }),
    find,
    conversationBytes: (runId: RunId, session: string): Promise<number> => conversationBytes(folderOf(runId), session),
    keepConversation: (
      runId: RunId,
      part: { session: string; after: number; chunks: AsyncIterable<Uint8Array> },
      signal: AbortSignal,
    ): Promise<void> =>
      turns.take(runId, async () => {
        await using place = await temporary();
        const folder = await makeFolder(root, runId);
        await keepConversation({ folder, fresh: join(place.path, "conversation") }, part, signal);
      }),

    /** See `KeptWork` of the run engine. */
    keepOutput: (runId: RunId, output: { name: string; chunks: AsyncIterable<Uint8Array> }, signal: AbortSignal): Promise<void> =>
      turns.take(runId, async () => {
        await using place = await temporary();
        const at = { root, runFolder: RunId.parse(runId), fresh: join(place.path, "output") };
        await keepOutput(at, output, signal);
      }),

    /**
     * A patch of all that differs from the base commit, which `git apply` takes; null: nothing is kept. `placed`: with each file by its path in the
     * workspace.
     */
    patch: async (of: KeptOf, { placed, signal }: { placed: boolean; signal: AbortSignal }): Promise<Download | null> => {
      await using held = new AsyncDisposableStack();
      const { path } = held.use(await temporary());
      const left = new AbortController();
      const until = AbortSignal.any([signal, left.signal]);
      const found = await unpack(of, path, until);
      if (found === null) return null;
      const chunks = await streamPatch(found.quarantine, found.record.snapshot, placed ? of.directory : null);
      const rest = held.move();
      return {
        bytes: null,
        chunks,
        [Symbol.asyncDispose]: async () => {
          left.abort();
          await rest.disposeAsync();
        },
      };
    },
    /** See `KeptWork` of the run engine. */
    changes: async (of: KeptOf, signal: AbortSignal): Promise<(WorkChanges & { snapshotCommit: string }) | null> => {
      await using place = await temporary();
      const found = await unpack(of, place.path, signal);
      if (found === null) return null;
      const { snapshot } = found.record;
      return { ...(await readChanges(found.quarantine, snapshot, of.directory)), snapshotCommit: snapshot.snapshotCommit };
    },
    /** See `KeptWork` of the run engine. */
    give: async (of: KeptOf, snapshotCommit: string, folder: string): Promise<GivenWork | null> => {
      await using found = await openedBundle(of);
      if (found?.record.snapshot.snapshotCommit !== snapshotCommit) return null;
      const { record, file } = found;
      await mkdir(folder, { recursive: true, mode: 0o755 });
      // It stays readable by this name, also when a later one takes its place.
      await copyFile(`/dev/fd/${file.fd}`, join(folder, GIVEN), constants.COPYFILE_FICLONE);
      await chmod(join(folder, GIVEN), 0o644);
      return { bundle: GIVEN, mirrorPath: mirrorOf(record), origin: record.origin };
    },
    /** Unpacks what is kept of a repository into a folder of the caller's; null: nothing is. */
    unpacked: async (
      of: KeptOf,
      folder: string,
      signal: AbortSignal,
    ): Promise<{ quarantine: Quarantine; snapshot: WorkSnapshot } | null> => {
      const found = await unpack(of, folder, signal);
      return found === null ? null : { quarantine: found.quarantine, snapshot: found.record.snapshot };
    },
    /** The kept bundle; null: nothing is kept. */
    bundle: async (of: KeptOf): Promise<Download | null> => {
      const found = await openBundle(of);
      if (found === null) return null;
      const { file, record } = found;
      return {
        bytes: record.bundleBytes,
        chunks: file.createReadStream({ autoClose: false }),
        [Symbol.asyncDispose]: () => file.close(),
      };
    },
    /** All conversations of a run, the oldest first; null: none is kept. */
    conversation: async (runId: RunId): Promise<Download | null> => {
      const paths = await listConversations(folderOf(runId));
      if (paths.length === 0) return null;
      return {
        bytes: null,
        chunks: (async function* () {
          for (const path of paths) yield* createReadStream(path);
        })(),
        [Symbol.asyncDispose]: async () => {},
      };
    },
    /** See `KeptWork` of the run engine. */
    giveConversation: (runId: RunId, folder: string): Promise<{ session: string; file: string } | null> =>
      giveConversation(folderOf(runId), folder),
    /** The whole output of a check, by its name; null: none is kept. */
    checkOutput: async (runId: RunId, name: string): Promise<Download | null> => {
      const file = await openOutput(folderOf(runId), name);
      if (file === null) return null;
      return {
        bytes: (await file.stat()).size,
        chunks: file.createReadStream({ autoClose: false }),
        [Symbol.asyncDispose]: () => file.close(),
      };
    },
    /**
     * Makes a checkout of what is kept in a folder that is empty or not there: branches as the agent left them, files as they were, what
     * was not committed not committed. Gives whether something is kept. No host program may run git in the folder any more once an agent
     * was let into it.
     */
    restore: async (of: KeptOf, folder: string, signal: AbortSignal): Promise<boolean> => {
      await using place = await temporary();
      const found = await unpack(of, place.path, signal);
      if (found === null) return false;
      await restoreWork({ folder, ...found, server, signal });
      return true;
    },
    /** Where a workspace that is put aside as a whole belongs. Its parent is there when this resolves. */
    workspaceFolder: async (runId: RunId): Promise<string> => {
      await prepare();
      return join(await makeFolder(root, runId), "workspace");
    },
    /** Every run of which something is kept, with what it takes on the disk. */
    list: async (): Promise<KeptRun[]> => {
      await prepare();
      const runs: KeptRun[] = [];
      for (const name of await readdir(root)) {
        const runId = RunId.safeParse(name);
        const found = await stat(join(root, name)).catch(() => null);
        if (!runId.success || found === null) continue;
        const folders = (await keptFolders(root, runId.data)).map((of) => keptFolder(root, of));
        const records = (await Promise.all(folders.map(readRecord))).filter((record) => record !== null);
        const at = Math.max(found.mtimeMs, ...records.map((record) => Date.parse(record.at)));
        runs.push({ runId: runId.data, bytes: await diskBytes(join(root, name)), at: new Date(at) });
      }
      return runs;
    },
    /** Removes all that is kept of a run, and what the mirror holds for it. Idempotent. */
    remove: (runId: RunId): Promise<void> =>
      turns.take(runId, async () => {
        await prepare();
        const folder = folderOf(runId);
        for (const of of await keptFolders(root, runId)) {
          const record = await readRecord(keptFolder(root, of));
          const mirrorPath = record === null ? null : mirrorOf(record);
          const pins = { name: pinName(of), except: null };
          if (mirrorPath !== null) await mirrors.unpin(mirrorPath, pins, AbortSignal.timeout(60_000));
        }
        // Under a name that the next start clears, so that half of it is never taken for the whole.
        const gone = join(root, `${UNFINISHED}${randomUUID()}`);
        const isThere = await rename(folder, gone).then(
          () => true,
          (error: NodeJS.ErrnoException) => {
            if (error.code === "ENOENT") return false;
            throw error;
          },
        );
        if (isThere) await removeFolder(gone);
      }),
  };
};
