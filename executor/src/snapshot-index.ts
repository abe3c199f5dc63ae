import { constants } from "node:fs";
import { access, lstat, open } from "node:fs/promises";
import { CcrError } from "@ccr/protocol";
import { splitZ } from "./git.ts";
import type { CommandOutput } from "./run-command.ts";
import { type SnapshotStore, storeError } from "./snapshot-store.ts";

export type LeftOut = { path: string; why: "too_large" | "too_many" | "unreadable" };

interface Call {
  store: SnapshotStore;
  headCommit: string | null;
  signal: AbortSignal;
}

// Nothing that is bigger can be pushed to the usual hosts; what was committed is kept in any size.
const FILE_MAX_BYTES = 100 * 1024 * 1024;
// What one snapshot takes in at most; the next one goes on where it stopped.
const TOTAL_MAX_BYTES = 2 * 1024 * 1024 * 1024;
const TOTAL_MAX_FILES = 200_000;
// Each round finds what the agent made during the one before.
const ROUNDS = 5;
const NESTED_DEPTH = 20;
// More than come and go at one moment; then it is quicker to try halves.
const SUSPECTS_MAX = 100;
const LOOK_AT_ONCE = 64;

const PLACEHOLDER = Buffer.from(".ccr-nested");
const SLASH = Buffer.from("/");
const NUL = Buffer.from("\0");

type Path = Buffer;
type Fate = { kind: "add"; bytes: number } | { kind: "repository" } | { kind: "remove" } | { kind: "leave"; why: LeftOut["why"] };

const unique = (paths: readonly Path[]): Path[] => [...new Map(paths.map((path) => [path.toString("latin1"), path])).values()];
const joinZ = (paths: readonly Path[]): Buffer => Buffer.concat(paths.flatMap((path) => [path, NUL]));

/** Lets the store's index hold the workspace as it is. Files that come and go meanwhile never make it fail. */
export const bringUpToDate = async (call: Call, last: string | null): Promise<LeftOut[]> => {
  const { store, headCommit, signal } = call;
  // What is equal keeps what is known of its file, so that it need not be read again.
  if (headCommit === null) await store.must(["read-tree", "--empty"], { signal });
  else if (headCommit !== last) await store.must(["read-tree", "--reset", headCommit], { signal });
  const leftOut = new Map<string, { path: Path; why: LeftOut["why"] }>();
  for (let round = 1; round <= ROUNDS; round++) {
    const again = await takeIn(call, await list(call), leftOut);
    if ((await repair(call, leftOut)) && !again) break;
  }
  await forget(
    call,
    [...leftOut.values()].map(({ path }) => path),
  );
  return [...leftOut.values()].map(({ path, why }) => ({ path: path.toString("utf8"), why }));
};

const isFolder = (path: Path): boolean => path.at(-1) === SLASH[0];

/**
 * All that differs from the index. A repository that lies in the workspace is one opaque entry to git, until the index holds a file in it:
 * then git takes it for a folder like all the others. The file that does this is none, and is gone with the update that follows.
 */
const list = async (call: Call): Promise<Path[]> => {
  const { store, signal } = call;
  // Its exit code says that something differs, which is what the list is for.
  await store.run(["update-index", "-q", "--ignore-missing", "--refresh"], { signal });
  for (let depth = 1; ; depth++) {
    const args = ["ls-files", "-z", "--others", "--modified", "--deleted", "--exclude-standard"];
    const paths = unique(splitZ(await store.must(args, { signal })));
    const nested = paths.filter(isFolder);
    if (nested.length === 0 || depth === NESTED_DEPTH) return paths.filter((path) => !isFolder(path));
    await seed(call, nested);
  }
};

const seed = async ({ store, signal }: Call, folders: readonly Path[]): Promise<void> => {
  const empty = (await store.must(["hash-object", "-w", "--stdin"], { input: "", signal })).toString("utf8").trim();
  const entries = folders.map((folder) => Buffer.concat([Buffer.from(`100644 ${empty}\t`), folder, PLACEHOLDER, NUL]));
  await store.must(["update-index", "--replace", "-z", "--index-info"], { input: Buffer.concat(entries), signal });
};

const absolute = (store: SnapshotStore, path: Path): Buffer => Buffer.concat([Buffer.from(store.workspace), SLASH, path]);

/** Whether every folder above a file is one; behind a link there is nothing of the workspace. */
const isReached = async (store: SnapshotStore, path: Path, known: Map<string, boolean>): Promise<boolean> => {
  const end = path.lastIndexOf(SLASH);
  if (end === -1) return true;
  const parent = path.subarray(0, end);
  const key = parent.toString("latin1");
  const before = known.get(key);
  if (before !== undefined) return before;
  const reached =
    (await isReached(store, parent, known)) && (await lstat(absolute(store, parent)).catch(() => null))?.isDirectory() === true;
  known.set(key, reached);
  return reached;
};

const look = async (store: SnapshotStore, path: Path, known: Map<string, boolean>): Promise<Fate> => {
  if (!(await isReached(store, path, known))) return { kind: "remove" };
  const place = absolute(store, path);
  const found = await lstat(place).catch(() => null);
  if (found === null) return { kind: "remove" };
  if (found.isDirectory()) {
    // With a repository in it, it is what git makes of it: a submodule that has moved on, or no file any more.
    const inner = await lstat(Buffer.concat([place, Buffer.from("/.git")])).catch(() => null);
    return { kind: inner === null ? "remove" : "repository" };
  }
  if (found.isSymbolicLink()) return { kind: "add", bytes: 0 };
  if (!found.isFile()) return { kind: "remove" };
  if (found.size > FILE_MAX_BYTES) return { kind: "leave", why: "too_large" };
  const readable = await access(place, constants.R_OK).then(
    () => true,
    () => false,
  );
  return readable ? { kind: "add", bytes: found.size } : { kind: "leave", why: "unreadable" };
};

const lookAtAll = async (store: SnapshotStore, paths: readonly Path[]): Promise<{ path: Path; fate: Fate }[]> => {
  const fates: { path: Path; fate: Fate }[] = [];
  const known = new Map<string, boolean>();
  for (let start = 0; start < paths.length; start += LOOK_AT_ONCE) {
    const some = paths.slice(start, start + LOOK_AT_ONCE);
    fates.push(...(await Promise.all(some.map(async (path) => ({ path, fate: await look(store, path, known) })))));
  }
  return fates;
};

/** Gives whether another look is needed: what was a file is a repository now. */
const takeIn = async (
  call: Call,
  paths: readonly Path[],
  leftOut: Map<string, { path: Path; why: LeftOut["why"] }>,
): Promise<boolean> => {
  const { store } = call;
  const leave = (path: Path, why: LeftOut["why"]) => leftOut.set(path.toString("latin1"), { path, why });
  const adds: Path[] = [];
  const removes: Path[] = [];
  const repositories: Path[] = [];
  let bytes = 0;
  for (const { path, fate } of await lookAtAll(store, paths)) {
    leftOut.delete(path.toString("latin1"));
    if (fate.kind === "repository") repositories.push(path);
    else if (fate.kind === "remove") removes.push(path);
    else if (fate.kind === "leave") leave(path, fate.why);
    else if (adds.length >= TOTAL_MAX_FILES || bytes + fate.bytes > TOTAL_MAX_BYTES) leave(path, "too_many");
    else {
      adds.push(path);
      bytes += fate.bytes;
    }
  }
  await remove(call, removes);
  for (const path of await add(call, adds)) leave(path, "unreadable");
  await add(call, repositories);
  return repositories.length > 0;
};

const remove = async ({ store, signal }: Call, paths: readonly Path[]): Promise<void> => {
  if (paths.length === 0) return;
  await store.must(["update-index", "--force-remove", "-z", "--stdin"], { input: joinZ(paths), signal });
};

const update = ({ store, signal }: Call, paths: readonly Path[]): Promise<CommandOutput> =>
  store.run(["update-index", "--add", "--remove", "--replace", "-z", "--stdin"], { input: joinZ(paths), signal });

/** Takes files into the index, and gives those that cannot be. One that vanishes while git reads it makes the whole command fail. */
const add = async (call: Call, paths: readonly Path[]): Promise<Path[]> => {
  const byName = new Map(paths.map((path) => [path.toString("utf8"), path]));
  const suspects: Path[] = [];
  while (byName.size > 0) {
    const rest = [...byName.values()];
    const output = await update(call, rest);
    if (output.code === 0) break;
    const error = storeError("git update-index", output);
    if (error.code === "disk_full") throw error;
    const name = /^fatal: Unable to process path (.*)$/m.exec(output.stderr)?.[1] ?? "";
    const suspect = byName.get(name);
    if (suspect === undefined || suspects.length >= SUSPECTS_MAX) {
      suspects.push(...(await addHalves(call, rest)));
      break;
    }
    byName.delete(name);
    suspects.push(suspect);
  }
  const refused: Path[] = [];
  for (const path of suspects) if (!(await addBytes(call, path))) refused.push(path);
  return refused;
};

/** When git does not say which file it stumbled over (a name of several lines, or a file that shrank under its eyes). Gives that one. */
const addHalves = async (call: Call, paths: readonly Path[]): Promise<Path[]> => {
  if (paths.length <= 1) return [...paths];
  const middle = Math.ceil(paths.length / 2);
  const suspects: Path[] = [];
  for (const half of [paths.slice(0, middle), paths.slice(middle)]) {
    if ((await update(call, half)).code !== 0) suspects.push(...(await addHalves(call, half)));
  }
  return suspects;
};

/** Takes a file as the bytes that it has, whatever the repository's attributes say of it; git refuses one that is not in its encoding. */
const addBytes = async (call: Call, path: Path): Promise<boolean> => {
  const { store, signal } = call;
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(absolute(store, path), flags).catch(() => null);
  if (file === null) {
    if ((await look(store, path, new Map())).kind === "remove") {
      await remove(call, [path]);
      return true;
    }
    // A link, which is back again.
    return (await update(call, [path])).code === 0;
  }
  try {
    const found = await file.stat();
    if (!found.isFile() || found.size > FILE_MAX_BYTES) return false;
    const content = Buffer.alloc(found.size);
    const { bytesRead } = await file.read(content, 0, content.length, 0);
    const hashed = await store.must(["hash-object", "-w", "--stdin"], { input: content.subarray(0, bytesRead), signal });
    const entry = `${(found.mode & 0o100) === 0 ? "100644" : "100755"} ${hashed.toString("utf8").trim()}\t`;
    const input = Buffer.concat([Buffer.from(entry), path, NUL]);
    return (await store.run(["update-index", "--replace", "-z", "--index-info"], { input, signal })).code === 0;
  } catch (error) {
    if (error instanceof CcrError) throw error;
    return false; // it cannot be read
  } finally {
    await file.close();
  }
};

/**
 * Takes back what the index owes to earlier snapshots and not to HEAD and the files: the same files and the same HEAD must give the same.
 * Gives whether there was nothing to do.
 */
const repair = async (call: Call, leftOut: Map<string, { path: Path; why: LeftOut["why"] }>): Promise<boolean> => {
  const { store, headCommit, signal } = call;
  const parts =
    headCommit === null
      ? splitZ(await store.must(["ls-files", "-z", "--stage"], { signal })).flatMap((entry) => [
          Buffer.from(`:000000 ${entry.subarray(0, 6).toString("latin1")} 0 0 A`),
          entry.subarray(entry.indexOf(9) + 1),
        ])
      : splitZ(await store.must(["diff-index", "--cached", "--raw", "-z", "--no-renames", headCommit, "--"], { signal }));
  const added = new Map<string, Path>();
  const links: Path[] = [];
  const deleted: Path[] = [];
  for (let position = 0; position + 1 < parts.length; position += 2) {
    const [, mode, , , status] = (parts[position]?.toString("latin1") ?? "").split(" ");
    const path = parts[position + 1];
    if (path === undefined) break;
    if (status === "D") deleted.push(path);
    else if (mode === "160000" && status !== "M") links.push(path);
    else if (status === "A") added.set(path.toString("latin1"), path);
  }
  const ignored = await store.must(["ls-files", "-z", "--cached", "--ignored", "--exclude-standard"], { signal });
  const unwanted = splitZ(ignored).filter((path) => added.has(path.toString("latin1")));
  const fates = await lookAtAll(store, deleted);
  const missed = fates.filter(({ path, fate }) => fate.kind === "add" && !leftOut.has(path.toString("latin1")));
  await remove(call, [...unwanted, ...links]);
  if (links.length > 0)
    await seed(
      call,
      links.map((path) => Buffer.concat([path, SLASH])),
    );
  await takeIn(
    call,
    missed.map(({ path }) => path),
    leftOut,
  );
  return links.length === 0;
};

/** What could not be taken in is as HEAD has it. */
const forget = async ({ store, headCommit, signal }: Call, paths: readonly Path[]): Promise<void> => {
  if (paths.length === 0) return;
  if (headCommit === null) return remove({ store, headCommit, signal }, paths);
  await store.must(["reset", "--quiet", "--pathspec-from-file=-", "--pathspec-file-nul", headCommit], {
    input: joinZ(paths),
    signal,
  });
};
