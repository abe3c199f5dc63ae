import type { AuditRecord } from "@ccr/protocol";
import { FenceLostError } from "../store/types.ts";
import { inBackground } from "./background.ts";
import { describeError, type Scene } from "./scene.ts";

// One host may fill this many lines of a transcript with refused requests; the audit has them all.
const REFUSED_PER_HOST = 5;
const RETRY_MIN_MS = 250;
const RETRY_MAX_MS = 10_000;

/** The hosts that were refused meanwhile, and that a command names or complains about. Pure. */
export const blamedHosts = (text: string, refused: readonly string[]): string[] => {
  const named = new Set(text.toLowerCase().match(/[a-z0-9-]+(?:\.[a-z0-9-]+)+/g));
  return [...new Set(refused)].filter((host) => named.has(host.toLowerCase()));
};

/** From now on, keeps what went, or wanted to go, through a run's door, which is open. */
export const followRequests = (scene: Scene): void => {
  scene.requests ??= inBackground((signal) => keepRequests(scene, signal));
};

/** Refused requests are told in the transcript too. */
const keepRequests = async (scene: Scene, signal: AbortSignal): Promise<void> => {
  const { run, fence, deps, stores, log } = scene;
  const refused = new Map<string, number>();
  const keep = async (record: AuditRecord) => {
    await stores.audit.append(run.id, fence, [record]);
    if (record.decision !== "refused") return;
    const target = `${record.host}:${record.port}`;
    const count = (refused.get(target) ?? 0) + 1;
    refused.set(target, count);
    if (count <= REFUSED_PER_HOST) await log.write({ type: "egress_refused", record });
  };
  for (let pauseMs = RETRY_MIN_MS; !signal.aborted; pauseMs = Math.min(pauseMs * 2, RETRY_MAX_MS)) {
    try {
      const after = await stores.audit.position(run.id);
      for await (const record of deps.doors.followAudit(run.id, { after }, signal)) await keep(record);
      return;
    } catch (error) {
      if (signal.aborted || error instanceof FenceLostError) return;
      deps.log("warn", "a run's requests could not be kept; trying again", { runId: run.id, error: describeError(error) });
      await deps.clock.wait(pauseMs, signal);
    }
  }
};
