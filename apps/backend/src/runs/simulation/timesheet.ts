import { isFinal } from "@ccr/protocol";
import type { RunEntry } from "./ledger.ts";
import type { World } from "./world.ts";

/** How long a run was worked on, as a witness counts who looks at it now and then. */
export type Timesheet = {
  limitMs: number;
  /** Somebody drove it, or nobody did and its agent or a check was at work: the longest that may be said of it. */
  mostMs: number;
  /** Its agent was at work, as far as anybody could hear of it: the least that must be said of it. */
  leastMs: number;
  /** Its agent was at work beyond the limit, and a server that drives it could have ended that. */
  overdueMs: number;
};

/** What is counted by looking now and then is wrong by this much; also what was not told when a server died, for each time it did. */
const INACCURACY_MS = 4000;
const UNTOLD_MS = 6000;
/** A server that has just come, or come back, needs this long to look at what is beyond its limit, and then to end it. */
const SEEN_WITHIN_MS = 8000;
const ENDED_WITHIN_MS = 5000;

/** Whether its limit of time may be said to be used up. Pure. */
export const mayBeLate = ({ time, fence }: RunEntry): boolean => time.mostMs >= time.limitMs - INACCURACY_MS - fence * 1000;

/** Whether its limit of time must be said to be used up. Pure. */
export const mustBeLate = ({ time, fence }: RunEntry): boolean =>
  time.leastMs > time.limitMs + INACCURACY_MS + (fence - 1) * UNTOLD_MS;

/** Whether a server drives a run now. Pure. */
export const isDriven = (entry: RunEntry | null): boolean =>
  entry !== null && entry.holder !== null && entry.holder.state !== "dead";

/** To be called each time that `everyMs` have passed. */
export const countTime = (world: World, everyMs: number): void => {
  const { ledger, weather } = world;
  for (const entry of ledger.runs.values()) {
    if (entry.status === "queued" || isFinal(entry.status)) continue;
    const { time, holder, instanceId } = entry;
    const sandboxes = [...world.sandboxes.values()].filter((sandbox) => sandbox.instanceId === instanceId && sandbox.isUp);
    if (isDriven(entry) || sandboxes.some(({ agent, isChecking }) => agent !== null || isChecking)) time.mostMs += everyMs;
    const working = sandboxes.filter(({ agent, isFrozen }) => agent !== null && !isFrozen);
    for (const sandbox of working) sandbox.untoldMs += everyMs;
    if (!isDriven(entry) || holder === null) continue;
    for (const sandbox of sandboxes) {
      time.leastMs += sandbox.untoldMs;
      sandbox.untoldMs = 0;
    }
    if (working.length === 0) continue;
    const since = Math.max(entry.takenAt, holder.ableSince);
    const couldEnd = holder.state === "alive" && weather.storeAbsences === 0 && world.time.now - since > SEEN_WITHIN_MS;
    if (!mustBeLate(entry) || !couldEnd) continue;
    time.overdueMs += everyMs;
    if (time.overdueMs === ENDED_WITHIN_MS) world.violate(`the agent of ${entry.id} works on beyond its limit of time`);
  }
};
