import { CcrError, checkoutsOf, type Run, type ServerId } from "@ccr/protocol";
import type { KeptOf } from "../git/work-places.ts";
import type { InstanceRecord } from "../store/instance-types.ts";
import type { Store } from "../store/types.ts";
import { transcriptDownload } from "./transcript-files/download.ts";
import type { Download, Downloads } from "./types.ts";

const fromText = (text: string): Download => {
  const bytes = Buffer.from(text);
  return {
    bytes: bytes.length,
    chunks: (async function* () {
      yield bytes;
    })(),
    [Symbol.asyncDispose]: async () => {},
  };
};

/** What is kept on this server. */
export interface KeptDownloads extends Pick<Downloads, "conversation" | "checkOutput"> {
  patch(of: KeptOf, options: { placed: boolean; signal: AbortSignal }): Promise<Download | null>;
  bundle(of: KeptOf): Promise<Download | null>;
}

type Part = { directory: string | null; open: () => Promise<Download | null> };

/** A line that `git apply` passes over. */
const missing = ({ directory }: Part): Buffer => Buffer.from(`Nothing is kept of the work in ${directory}.\n`);

/** Parts one after the other, as one, each opened when it is its turn; of one that is not there it is said so. null: none is. */
const joined = async (parts: readonly Part[]): Promise<Download | null> => {
  const before: Buffer[] = [];
  let now: Download | null = null;
  let next = 0;
  // Whether there is anything is told before the first byte.
  for (; now === null && next < parts.length; next++) {
    const part = parts[next];
    now = (await part?.open()) ?? null;
    if (now === null && part !== undefined) before.push(missing(part));
  }
  if (now === null) return null;
  const first = now;
  const close = async (): Promise<void> => {
    const last = now;
    now = null;
    await last?.[Symbol.asyncDispose]();
  };
  return {
    bytes: null,
    chunks: (async function* () {
      yield* before;
      yield* first.chunks;
      for (const part of parts.slice(next)) {
        await close();
        now = await part.open();
        if (now === null) yield missing(part);
        else yield* now.chunks;
      }
    })(),
    [Symbol.asyncDispose]: close,
  };
};

/** Throws `CcrError` with `not_found` for a folder in which the run has none. */
const assertFolder = (run: Run, directory: string): void => {
  const all = checkoutsOf(run);
  if (all.some((each) => each.directory === directory)) return;
  const names = all.map((each) => each.directory).filter((name) => name !== null);
  const has = names.length === 0 ? "it has one repository alone: leave the folder out" : `it has ${names.join(", ")}`;
  throw new CcrError("not_found", `Run ${run.id} has no repository in a folder '${directory}': ${has}.`);
};

/** The instance whose server, which is not this one, has what is kept of a run; null: it is here, if anywhere. */
export const keptElsewhere = async (
  { store, server }: { store: { instances: Pick<Store["instances"], "findRecord"> }; server: ServerId },
  run: Run | null,
): Promise<InstanceRecord | null> => {
  const instanceId = run?.instanceId ?? null;
  const record = instanceId === null ? null : await store.instances.findRecord(instanceId);
  return record === null || record.server === server ? null : record;
};

/** Says whom to ask instead. */
export const refuse = ({ server: owner, place }: InstanceRecord): never => {
  const where = place.machine === "" ? "" : ` on ${place.machine}`;
  throw new CcrError("not_found", `It is kept by another server, ${owner}${where}: ask that one.`);
};

/**
 * What can be downloaded of a run, on whichever of several servers. What is kept lies with the one that drove the run last; an earlier one may
 * have older work, which is never given for the run's. The patch is in the database, too, as far as it fits there.
 */
export const createDownloads = (options: {
  store: {
    runs: Pick<Store["runs"], "find" | "findDiff">;
    instances: Pick<Store["instances"], "findRecord">;
    transcript: Pick<Store["transcript"], "read">;
  };
  server: ServerId;
  work: KeptDownloads;
}): Downloads => {
  const { store, server, work } = options;
  const elsewhere = (run: Run | null) => keptElsewhere({ store, server }, run);
  const patchOf = async (run: Run, directory: string | null, signal: AbortSignal): Promise<Download | null> => {
    if (directory !== null || run.directory === null) return work.patch({ runId: run.id, directory }, { placed: false, signal });
    return joined(
      checkoutsOf(run).map((checkout) => ({
        directory: checkout.directory,
        open: () => work.patch({ runId: run.id, directory: checkout.directory }, { placed: true, signal }),
      })),
    );
  };
  return {
    patch: async (runId, directory, signal) => {
      const run = await store.runs.find(runId);
      if (run === null) return null;
      if (directory !== null) assertFolder(run, directory);
      const record = await elsewhere(run);
      if (record === null) return patchOf(run, directory, signal);
      const diff = directory === null ? await store.runs.findDiff(runId) : null;
      return diff === null || diff.truncated ? refuse(record) : fromText(diff.patch);
    },
    bundle: async (runId, directory) => {
      const run = await store.runs.find(runId);
      if (run === null) return null;
      if (directory !== null) assertFolder(run, directory);
      else if (run.directory !== null) {
        const names = checkoutsOf(run).map((each) => `?directory=${each.directory}`);
        throw new CcrError("bad_request", `Run ${runId} has several repositories: ask for one of them, ${names.join(" or ")}.`);
      }
      const record = await elsewhere(run);
      return record === null ? work.bundle({ runId, directory }) : refuse(record);
    },
    conversation: async (runId, signal) => {
      const record = await elsewhere(await store.runs.find(runId));
      return record === null ? work.conversation(runId, signal) : refuse(record);
    },
    checkOutput: async (runId, name) => {
      const record = await elsewhere(await store.runs.find(runId));
      return record === null ? work.checkOutput(runId, name) : refuse(record);
    },
    transcript: async (runId, format, signal) => {
      const run = await store.runs.find(runId);
      return run === null ? null : transcriptDownload({ run, format, read: store.transcript.read, signal });
    },
  };
};
