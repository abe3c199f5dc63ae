import { CcrError, type RunId, type ServerId } from "@ccr/protocol";
import type { InstanceRecord, Store } from "../store/types.ts";
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

/**
 * What can be downloaded of a run, on whichever of several servers. What is kept lies with the one that drove the run last; an earlier one may
 * have older work, which is never given for the run's. The patch is in the database, too, as far as it fits there.
 */
export const createDownloads = (options: {
  store: { runs: Pick<Store["runs"], "find" | "findDiff">; instances: Pick<Store["instances"], "findRecord"> };
  server: ServerId;
  work: Downloads;
}): Downloads => {
  const { store, server, work } = options;
  /** The instance whose server, which is not this one, has what is kept; null: it is here, if anywhere. */
  const elsewhere = async (runId: RunId): Promise<InstanceRecord | null> => {
    const instanceId = (await store.runs.find(runId))?.instanceId ?? null;
    const record = instanceId === null ? null : await store.instances.findRecord(instanceId);
    return record === null || record.server === server ? null : record;
  };
  const refuse = ({ server: owner, place }: InstanceRecord): never => {
    const where = place.machine === "" ? "" : ` on ${place.machine}`;
    throw new CcrError("not_found", `It is kept by another server, ${owner}${where}: ask that one.`);
  };
  return {
    patch: async (runId, signal) => {
      const record = await elsewhere(runId);
      if (record === null) return work.patch(runId, signal);
      const diff = await store.runs.findDiff(runId);
      return diff === null || diff.truncated ? refuse(record) : fromText(diff.patch);
    },
    bundle: async (runId, signal) => {
      const record = await elsewhere(runId);
      return record === null ? work.bundle(runId, signal) : refuse(record);
    },
    conversation: async (runId, signal) => {
      const record = await elsewhere(runId);
      return record === null ? work.conversation(runId, signal) : refuse(record);
    },
    checkOutput: async (runId, name) => {
      const record = await elsewhere(runId);
      return record === null ? work.checkOutput(runId, name) : refuse(record);
    },
  };
};
