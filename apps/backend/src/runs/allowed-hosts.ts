import { CcrError, hostsNamed, POLICY_RULES_MAX, RUN_HOSTS_MAX, type Run, type RunId } from "@ccr/protocol";
import { FenceLostError } from "../store/types.ts";
import type { RunDeps } from "./deps.ts";
import { type HostsDeps, usualHosts } from "./network.ts";
import type { RunStores } from "./patience.ts";
import { describeError } from "./scene.ts";
import type { Network, Runs } from "./types.ts";
import { type DoorScene, openAsWanted } from "./way-out.ts";

/*
 * A person may let a run that goes on reach a host that it was refused. That is stored first, with a message of the transcript; whoever drives the run
 * is woken by it, on whichever server, and opens the door anew with the wider policy: the next request goes through. Whoever takes the run up, and
 * whoever opens its door again, reads it from the store.
 */

/** What the gateway cannot do it is asked for again, ever later. */
const AGAIN_MS = { first: 1000, most: 60_000 };
// Only so that nothing is ever waited for without an end.
const QUIET_MS = 60_000;

const tooMany = (host: string, most: number): CcrError =>
  new CcrError(
    "conflict",
    `${host} cannot be allowed as well: ${most} ${most === 1 ? "host is" : "hosts are"} the most. Name a whole domain, as '*.example.org', in CCR_ALLOWED_HOSTS, or launch another run.`,
  );

const over = (id: RunId, status: Run["status"]): CcrError =>
  new CcrError(
    "conflict",
    status === "canceling"
      ? `Run ${id} is being canceled: it asks for nothing more.`
      : `Run ${id} has ended: it asks for nothing more. What is to be allowed to every run is named in CCR_ALLOWED_HOSTS.`,
  );

/** See `Network`. */
export const createNetwork = (
  deps: {
    store: Pick<RunDeps["store"], "allowedHosts">;
    /** Where the gateway sends what is asked of the model: no other way leads there. */
    modelHost?: string | null;
  } & HostsDeps,
  { runs }: { runs: Pick<Runs, "get"> },
): Network => ({
  async allowHost({ id, host, port }) {
    if (host.toLowerCase() === (deps.modelHost ?? null))
      throw new CcrError("bad_request", `${host} is reached through the model route alone.`);
    // What its environment and its network preset name does not change any more.
    const usual = await usualHosts(await runs.get(id), deps);
    const most = Math.max(0, Math.min(RUN_HOSTS_MAX, POLICY_RULES_MAX - usual.length));
    const message = { source: "runner" as const, body: { type: "egress_allowed" as const, host, port } };
    const added = await deps.store.allowedHosts.add(id, { host, port }, { most, message });
    switch (added.kind) {
      case "allowed":
        return runs.get(id);
      case "full":
        throw tooMany(host, most);
      case "ended":
        throw over(id, added.status);
    }
  },
});

/**
 * Lets the run's door follow what people allow, until the signal aborts, as soon as they do. What the gateway cannot do now it is asked for again; a door
 * that it opens meanwhile has it already.
 */
export const followAllowedHosts = async (
  scene: DoorScene & { deps: Pick<RunDeps, "log" | "clock">; stores: Pick<RunStores, "allowedHosts"> },
  signal: AbortSignal,
): Promise<void> => {
  const { deps, stores, run } = scene;
  let isChanged = true;
  let isBehind = false;
  let woken = new AbortController();
  let againMs = AGAIN_MS.first;
  const stop = stores.allowedHosts.listen(run.id, () => {
    isChanged = true;
    woken.abort();
  });
  const look = async (): Promise<void> => {
    const now = await stores.allowedHosts.list(run.id);
    // Hosts are only ever added.
    if (hostsNamed(now) > hostsNamed(scene.run.allowedHosts)) {
      scene.run = { ...scene.run, allowedHosts: now };
      isBehind = true;
    }
    if (!isBehind || signal.aborted) return;
    await openAsWanted(scene);
    isBehind = false;
  };
  try {
    while (!signal.aborted) {
      woken = new AbortController();
      try {
        if (isChanged) {
          isChanged = false;
          await look();
          againMs = AGAIN_MS.first;
        }
      } catch (error) {
        // Whoever drives the run now does it; the work on the run finds it out by itself.
        if (signal.aborted || error instanceof FenceLostError) return;
        if (error instanceof CcrError && (error.code === "not_found" || error.code === "forbidden")) return;
        deps.log("warn", "a host that was allowed for a run is not let through yet; trying again", {
          runId: run.id,
          error: describeError(error),
        });
        isChanged = true;
        await deps.clock.wait(againMs, AbortSignal.any([signal, woken.signal]));
        againMs = Math.min(againMs * 2, AGAIN_MS.most);
        continue;
      }
      if (!isChanged) await deps.clock.wait(QUIET_MS, AbortSignal.any([signal, woken.signal]));
    }
  } finally {
    stop();
  }
};
