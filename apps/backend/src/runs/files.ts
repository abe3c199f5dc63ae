import {
  CcrError,
  checkoutsOf,
  type FilePaths,
  type FilesFrom,
  type FolderListing,
  gatherPaths,
  type ListedFolder,
  type ListedPaths,
  listEntries,
  namesOfPath,
  type Run,
  type RunId,
  toPathPart,
} from "@ccr/protocol";
import type { KeptOf } from "../git/work-places.ts";
import type { RunDeps } from "./deps.ts";
import { keptElsewhere, refuse } from "./downloads.ts";
import { ExecutorLostError } from "./executor-client.ts";
import { askSandbox, type Look, type LookDeps, lookInto, notReached } from "./sandbox-look.ts";
import type { Download, Files } from "./types.ts";

/** What is kept of runs, as folders and files; see `git/`. */
export interface KeptFiles {
  list(of: KeptOf, names: readonly Uint8Array[]): Promise<(FolderListing & { at: string }) | null>;
  paths(of: KeptOf): Promise<(FilePaths & { at: string }) | null>;
  open(of: KeptOf, names: readonly Uint8Array[]): Promise<Download | null>;
}

const namesOf = (path: string): Uint8Array[] => {
  const names = namesOfPath(path);
  if (names === null) throw new CcrError("bad_request", `'${path}' is not a path inside of the workspace.`);
  return names;
};

/** Of several repositories, the one whose folder a path begins with. Throws `not_found` for a folder in which there is none. */
const placeIn = (run: Run, names: readonly Uint8Array[]): { of: KeptOf; names: readonly Uint8Array[] } => {
  if (run.directory === null) return { of: { runId: run.id, directory: null }, names };
  const [first = new Uint8Array(), ...rest] = names;
  const name = toPathPart(first);
  const found = checkoutsOf(run).find(({ directory }) => directory === name);
  if (found === undefined) throw new CcrError("not_found", `Of run ${run.id} no folder '${name}' is kept.`);
  return { of: { runId: run.id, directory: found.directory }, names: rest };
};

/** The first piece is there, or the error that comes in its place is thrown: what is wrong is told before an answer begins. */
const begun = async (chunks: AsyncIterable<Uint8Array>): Promise<AsyncGenerator<Uint8Array>> => {
  const iterator = chunks[Symbol.asyncIterator]();
  const first = await iterator.next();
  return (async function* () {
    try {
      for (let next = first; next.done !== true; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  })();
};

const fromSandbox = async (
  { executor }: { executor: NonNullable<Look["opened"]>["executor"] },
  path: string,
  signal: AbortSignal,
): Promise<Download> => {
  const left = new AbortController();
  const chunks = await begun(executor.file(path, AbortSignal.any([signal, left.signal])));
  return {
    // The sandbox's word for it would have to be believed.
    bytes: null,
    chunks,
    [Symbol.asyncDispose]: async () => left.abort(),
  };
};

/** Gives the files of runs from where they are now. */
export const createFiles = (deps: LookDeps & { work: Pick<RunDeps["work"], "find"> }, kept: KeptFiles): Files => {
  const assertHere = async (run: Run): Promise<void> => {
    const record = await keptElsewhere(deps, run);
    if (record !== null) refuse(record);
  };
  /** The folders of several repositories of which something is kept. */
  const listRepositories = async (run: Run) => {
    const found = [];
    for (const { directory } of checkoutsOf(run)) {
      const work = await deps.work.find({ runId: run.id, directory });
      if (work !== null && directory !== null) found.push({ directory, at: work.at });
    }
    const at = found
      .map((each) => each.at)
      .sort()
      .at(-1);
    if (at === undefined) return null;
    const entries = found.map(({ directory }) => ({ name: directory, kind: "folder" as const, bytes: null, target: null }));
    return { ...listEntries(entries, false), at };
  };
  const readKept = (run: Run, names: readonly Uint8Array[]) => {
    if (run.directory !== null && names.length === 0) return listRepositories(run);
    const place = placeIn(run, names);
    return kept.list(place.of, place.names);
  };
  const listKept = async (run: Run, names: readonly Uint8Array[]): Promise<ListedFolder | null> => {
    await assertHere(run);
    const found = await readKept(run, names);
    if (found === null) return null;
    const { at, ...listing } = found;
    return { ...listing, from: { kind: "kept", at } };
  };
  const pathsKept = async (run: Run): Promise<ListedPaths | null> => {
    await assertHere(run);
    const gathered = gatherPaths();
    const times: string[] = [];
    for (const { directory } of checkoutsOf(run)) {
      const found = await kept.paths({ runId: run.id, directory });
      if (found === null) continue;
      times.push(found.at);
      if (found.truncated) gathered.cut();
      if (!found.paths.every((path) => gathered.add(directory === null ? path : `${directory}/${path}`))) break;
    }
    const at = times.sort().at(-1);
    return at === undefined ? null : { ...gathered.result(), from: { kind: "kept", at } };
  };
  const nothing = (id: RunId) => new CcrError("not_found", `No work of run ${id} is kept: there are no files to show.`);
  /** What the sandbox says, or, where none can be asked, what is kept. */
  const nowOrKept = async <Found extends object>(
    runId: RunId,
    now: (executor: NonNullable<Look["opened"]>["executor"], signal: AbortSignal) => Promise<Found>,
    keptOf: (run: Run) => Promise<(Found & { from: FilesFrom }) | null>,
  ): Promise<Found & { from: FilesFrom }> => {
    const look = await lookInto(deps, runId);
    let why: CcrError | null = look.opened === null ? look.why : null;
    if (look.opened !== null) {
      try {
        const found = await askSandbox(deps, runId, ({ executor }, signal) => now(executor, signal));
        return { ...found, from: { kind: "sandbox" } };
      } catch (error) {
        if (!(error instanceof CcrError) || error.code !== "unavailable") throw error;
        why = error;
      }
    }
    const found = await keptOf(look.run);
    if (found === null) throw why ?? nothing(runId);
    return found;
  };
  return {
    list: async ({ runId, path }) => {
      const names = namesOf(path);
      return nowOrKept(
        runId,
        (executor, signal) => executor.listFiles(path, signal),
        (run) => listKept(run, names),
      );
    },
    paths: ({ runId }) => nowOrKept(runId, (executor, signal) => executor.listPaths(signal), pathsKept),
    open: async ({ runId, path }, signal) => {
      const names = namesOf(path);
      const look = await lookInto(deps, runId);
      if (look.opened !== null) {
        return fromSandbox(look.opened, path, signal).catch((error: unknown) => {
          throw error instanceof ExecutorLostError ? notReached(runId, error) : error;
        });
      }
      await assertHere(look.run);
      const place = placeIn(look.run, names);
      return kept.open(place.of, place.names);
    },
  };
};
