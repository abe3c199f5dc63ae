import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  CcrError,
  type FileEntry,
  type FilePaths,
  FOLDER_ENTRIES_MAX,
  type FolderListing,
  gatherPaths,
  isGitsOwn,
  listEntries,
  toPath,
  toPathPart,
  WORKSPACE_FILE_MAX_BYTES,
} from "@ccr/protocol";
import type { Download, KeptWorkStore } from "./work.ts";
import type { KeptOf } from "./work-places.ts";
import type { Quarantine } from "./work-quarantine.ts";

/** Of one who looks through the files, each folder is another question; unpacking the work for each would take seconds where it is large. */
const IDLE_MS = 60_000;
const UNPACKED_MAX = 4;
const READ_MAX = 5 * FOLDER_ENTRIES_MAX;
const LINK_MAX_BYTES = 4096;
const LINKS_READ_MAX = 100;
/** As whatever is not finished below the folder of kept work: the next start clears it. */
const UNPACKED = ".unfinished-tree-";

export interface KeptTreesOptions {
  work: Pick<KeptWorkStore, "find" | "unpacked">;
  dataDir: string;
  idleMs?: number;
}

/** One line of `git ls-tree -z --long`. Its name is bytes. */
type TreeEntry = { mode: string; object: string; bytes: number | null; name: Buffer };

type Unpacked = { quarantine: Quarantine; snapshotCommit: string; at: string };
type Held = {
  key: string;
  snapshotCommit: string;
  ready: Promise<Unpacked>;
  users: number;
  timer: NodeJS.Timeout | undefined;
  end: () => Promise<void>;
};

/** The files of what is kept of a run's work, read as git has them, and not from any folder. */
export interface KeptTrees extends AsyncDisposable {
  /** A folder, by the names that lead to it, and since when it is kept; null: nothing is kept. Throws `CcrError` where there is no such folder. */
  list(of: KeptOf, names: readonly Uint8Array[]): Promise<(FolderListing & { at: string }) | null>;
  /** The paths of all its files, below its root. Null: nothing is kept. */
  paths(of: KeptOf): Promise<(FilePaths & { at: string }) | null>;
  /** A file; null: nothing is kept. Throws `CcrError` for what is no plain file, and for one that is too large. */
  open(of: KeptOf, names: readonly Uint8Array[]): Promise<Download | null>;
}

const parseEntry = (line: Buffer): TreeEntry | null => {
  const tab = line.indexOf(9);
  const [, mode, object, bytes] = /^(\d+) \w+ ([0-9a-f]+) +(\d+|-)$/.exec(line.subarray(0, tab).toString("latin1")) ?? [];
  if (mode === undefined || object === undefined) return null;
  return { mode, object, bytes: bytes === "-" || bytes === undefined ? null : Number(bytes), name: line.subarray(tab + 1) };
};

/** What git writes between NUL bytes, at the reader's pace. */
async function* partsOf(output: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of output) {
    rest = Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = rest.indexOf(0); end !== -1; end = rest.indexOf(0, start)) {
      yield rest.subarray(start, end);
      start = end + 1;
    }
    rest = rest.subarray(start);
  }
}

/** The entries of a tree. */
async function* entriesOf({ stream }: Quarantine, tree: string): AsyncGenerator<TreeEntry> {
  for await (const line of partsOf(stream(["ls-tree", "-z", "--long", tree]))) {
    const entry = parseEntry(line);
    if (entry !== null) yield entry;
  }
}

const kindOf = (mode: string): FileEntry["kind"] => {
  if (mode === "040000") return "folder";
  if (mode === "120000") return "link";
  return mode.startsWith("100") ? "file" : "other";
};

const pathOf = (names: readonly Uint8Array[]): string => names.map(toPathPart).join("/");

/** What the names lead to, from the work's root on; no link is followed, since a link is no tree. */
const findEntry = async ({ quarantine, snapshotCommit }: Unpacked, names: readonly Uint8Array[]): Promise<TreeEntry> => {
  let found: TreeEntry = { mode: "040000", object: `${snapshotCommit}^{tree}`, bytes: null, name: Buffer.alloc(0) };
  for (const name of names) {
    let next: TreeEntry | null = null;
    if (kindOf(found.mode) === "folder") {
      for await (const entry of entriesOf(quarantine, found.object)) {
        if (!entry.name.equals(name)) continue;
        next = entry;
        break;
      }
    }
    if (next === null) throw new CcrError("not_found", `'${pathOf(names)}' is not among the files that are kept.`);
    found = next;
  }
  return found;
};

const readBlob = async ({ stream }: Quarantine, object: string): Promise<Buffer> => {
  const parts: Buffer[] = [];
  for await (const chunk of stream(["cat-file", "blob", object])) parts.push(chunk);
  return Buffer.concat(parts);
};

const listTree = async (unpacked: Unpacked, names: readonly Uint8Array[]): Promise<FolderListing> => {
  const { quarantine } = unpacked;
  const folder = await findEntry(unpacked, names);
  if (kindOf(folder.mode) !== "folder") throw new CcrError("conflict", `'${pathOf(names)}' is no folder.`);
  const entries: FileEntry[] = [];
  let links = 0;
  for await (const { mode, object, bytes, name } of entriesOf(quarantine, folder.object)) {
    if (isGitsOwn(name)) continue;
    if (entries.length === READ_MAX) return listEntries(entries, true);
    const kind = kindOf(mode);
    const isRead = kind === "link" && (bytes ?? 0) <= LINK_MAX_BYTES && links++ < LINKS_READ_MAX;
    const target = isRead ? toPathPart(await readBlob(quarantine, object)).slice(0, LINK_MAX_BYTES) : null;
    entries.push({ name: toPathPart(name), kind, bytes: kind === "file" ? bytes : null, target });
  }
  return listEntries(entries, false);
};

const listPaths = async ({ quarantine, snapshotCommit }: Unpacked): Promise<FilePaths> => {
  const gathered = gatherPaths();
  const names = quarantine.stream(["ls-tree", "-r", "-z", "--name-only", `${snapshotCommit}^{tree}`]);
  for await (const name of partsOf(names)) if (!gathered.add(toPath(name))) break;
  return gathered.result();
};

/** Reads the files of kept work, each of which is unpacked and checked when it is first asked for, and stays so for a while. */
export const createKeptTrees = ({ work, dataDir, idleMs = IDLE_MS }: KeptTreesOptions): KeptTrees => {
  const held = new Map<string, Held>();
  const root = join(dataDir, "kept");

  const begin = (of: KeptOf, key: string, { snapshotCommit, at }: { snapshotCommit: string; at: string }): Held => {
    const over = new AbortController();
    let folder: string | null = null;
    const unpack = async (): Promise<Unpacked> => {
      await mkdir(root, { recursive: true, mode: 0o700 });
      folder = await mkdtemp(join(root, UNPACKED));
      const found = await work.unpacked(of, folder, over.signal);
      if (found === null) throw new CcrError("not_found", "What was kept of this run is not there any more.");
      return { quarantine: found.quarantine, snapshotCommit: found.snapshot.snapshotCommit, at };
    };
    const ready = unpack();
    ready.catch(() => {}); // who waits for it hears of it
    const one: Held = {
      key,
      snapshotCommit,
      ready,
      users: 0,
      timer: undefined,
      end: async () => {
        clearTimeout(one.timer);
        if (held.get(key) === one) held.delete(key);
        over.abort(new CcrError("unavailable", "The files are not held ready any more; ask again."));
        await ready.catch(() => {});
        if (folder !== null) await rm(folder, { recursive: true, force: true });
      },
    };
    return one;
  };

  /** Ends those that nobody uses, the longest unused first, until there is room. */
  const makeRoom = async (): Promise<void> => {
    for (const one of [...held.values()]) {
      if (held.size < UNPACKED_MAX) return;
      if (one.users === 0) await one.end();
    }
  };

  const take = async (of: KeptOf): Promise<(AsyncDisposable & { unpacked: Unpacked }) | null> => {
    const found = await work.find(of);
    if (found === null) return null;
    const { snapshotCommit } = found.snapshot;
    const key = `${of.runId} ${of.directory ?? ""}`;
    let one = held.get(key);
    if (one?.snapshotCommit !== snapshotCommit) {
      if (one?.users === 0) await one.end();
      await makeRoom();
      one = held.get(key);
      if (one?.snapshotCommit !== snapshotCommit) one = begin(of, key, { snapshotCommit, at: found.at });
    }
    const mine = one;
    // The longest unused one stands first.
    held.delete(key);
    held.set(key, mine);
    clearTimeout(mine.timer);
    mine.users += 1;
    const leave = async (): Promise<void> => {
      mine.users -= 1;
      if (mine.users > 0) return;
      if (held.get(key) !== mine) return mine.end();
      mine.timer = setTimeout(() => void mine.end().catch(() => {}), idleMs).unref(); // what stays is cleared at the next start
    };
    try {
      return { unpacked: await mine.ready, [Symbol.asyncDispose]: leave };
    } catch (error) {
      if (held.get(key) === mine) held.delete(key);
      await leave();
      throw error;
    }
  };

  return {
    list: async (of, names) => {
      await using taken = await take(of);
      if (taken === null) return null;
      return { ...(await listTree(taken.unpacked, names)), at: taken.unpacked.at };
    },
    paths: async (of) => {
      await using taken = await take(of);
      if (taken === null) return null;
      return { ...(await listPaths(taken.unpacked)), at: taken.unpacked.at };
    },
    open: async (of, names) => {
      await using stack = new AsyncDisposableStack();
      const taken = stack.use(await take(of));
      if (taken === null) return null;
      const { object, mode, bytes } = await findEntry(taken.unpacked, names);
      if (kindOf(mode) !== "file" || bytes === null) throw new CcrError("conflict", `'${pathOf(names)}' is not a plain file.`);
      if (bytes > WORKSPACE_FILE_MAX_BYTES) {
        const mib = WORKSPACE_FILE_MAX_BYTES / 1024 / 1024;
        throw new CcrError("payload_too_large", `'${pathOf(names)}' is larger than ${mib} MiB: take it out of the bundle.`);
      }
      const rest = stack.move();
      return {
        bytes,
        chunks: taken.unpacked.quarantine.stream(["cat-file", "blob", object]),
        [Symbol.asyncDispose]: () => rest.disposeAsync(),
      };
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...held.values()].map((one) => one.end()));
    },
  };
};
