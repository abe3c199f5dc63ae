import type { SandboxState } from "../drivers/types.ts";

// A sandbox is looked at every two seconds, on a busy machine every few.
const JUST_NOW_MS = 10_000;

/**
 * Tells a death for lack of memory from another one. A sandbox in which a build ran out of memory, and whose agent coped with that, must
 * not seem to have ended by it when it is killed for another reason an hour later: only a count that has just risen means something.
 */
export class MemoryWatch {
  #kills: number | null = null;
  #roseAtMs = Number.NEGATIVE_INFINITY;

  /** Takes in what a look at the sandbox has shown. */
  see(state: SandboxState, elapsedMs: number): void {
    if (state.status === "gone") return;
    const { outOfMemoryKills: kills } = state;
    // Of what was before the first look nobody knows when it was; of one that has ended it is as good as now.
    if (this.#kills === null ? state.status === "exited" && kills > 0 : kills > this.#kills) this.#roseAtMs = elapsedMs;
    this.#kills = kills;
  }

  /** Whether the kernel has killed something in the sandbox just now. */
  ranOut(elapsedMs: number): boolean {
    return elapsedMs - this.#roseAtMs <= JUST_NOW_MS;
  }
}
