import { describe, expect, it } from "vitest";
import { type History, play } from "./history.ts";

/*
 *     SIMULATION_SEEDS=20000 SIMULATION_FROM=1 npm test -- apps/backend/src/runs/simulation
 *     SIMULATION_SEED=123 npm test -- apps/backend/src/runs/simulation
 *
 * The first plays so many histories from that seed on; left out, as many as CI has time for. The second plays one of them, and prints all that
 * happened in it. Everything follows from the seed, which is printed with the history of each that went wrong, up to five of them.
 *
 * A history is the real run engine, over the real store, of one to three servers on one or two machines, in virtual time; everything else is
 * simulated, and fails as its seed says: servers are killed, frozen, stopped and started again, also in the middle of any request; some or all do
 * not reach the database; gateways die and cannot be started for a while; sandboxes and agents are killed, frozen or cut off; engines are away;
 * two servers make a sandbox over the same folders. All of them may be away for longer than a run's limit of time.
 *
 * What must come of it a witness knows who stands outside of the servers: the outcome that the script of each run says, unless somebody canceled
 * it, or so much befell it that another one is excused; every event of its spool once and in order; its work; no takeover from a server that was
 * there, no run left without a driver, none called lost that was not, none ended at a limit that it did not reach; nothing left at the end.
 */
const { SIMULATION_SEEDS: seeds = "1200", SIMULATION_FROM: from = "1", SIMULATION_SEED: single } = process.env;
const FIRST = Number(single ?? from);
const COUNT = single === undefined ? Number(seeds) : 1;
const A_SEED_TAKES_MS = 1000;

const describeHistory = ({ seed, violations, lines }: History): string =>
  [`Seed ${seed}:`, ...violations.map((what) => `  ${what}`), ...lines.map((line) => `    ${line}`)].join("\n");

describe("the run engine among failures, in virtual time", () => {
  it("plays the same history for the same seed", async () => {
    for (const seed of [FIRST, FIRST + 1, FIRST + 2]) {
      const [one, other] = [await play(seed, { tellsAll: true }), await play(seed, { tellsAll: true })];
      expect(other.lines).toEqual(one.lines);
      expect(other.checksum).toBe(one.checksum);
      expect(one.lines.length).toBeGreaterThan(100);
    }
  });

  it(`drives ${COUNT} histories to their ends, each run by one server at a time, with nothing lost, doubled or left`, {
    timeout: 60_000 + COUNT * A_SEED_TAKES_MS,
  }, async () => {
    const wrong: History[] = [];
    const ended = { histories: 0, runs: 0, allowed: 0, letThrough: 0 };
    for (let seed = FIRST; seed < FIRST + COUNT && wrong.length < 5; seed++) {
      const history = await play(seed, { tellsAll: single !== undefined });
      ended.histories++;
      ended.runs += history.runs;
      ended.allowed += history.allowed;
      ended.letThrough += history.letThrough;
      if (single !== undefined) process.stdout.write(`${describeHistory(history)}\n`);
      if (history.violations.length > 0) wrong.push(history);
    }
    expect(wrong.map(describeHistory).join("\n\n")).toBe("");
    expect(ended.histories).toBe(COUNT);
    if (single !== undefined) return;
    expect(ended.runs).toBeGreaterThan(COUNT);
    // Those that are allowed when a run has nearly ended are not needed any more.
    if (COUNT >= 100) expect(ended.letThrough / ended.allowed).toBeGreaterThan(0.75);
  });
});
