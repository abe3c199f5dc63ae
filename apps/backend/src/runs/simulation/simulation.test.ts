import { describe, expect, it } from "vitest";
import { type History, play } from "./history.ts";

// More seeds: SIMULATION_SEEDS=20000 (from SIMULATION_FROM, 1 when left out). One, with all that happened: SIMULATION_SEED=123.
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
    const ended = { histories: 0, runs: 0 };
    for (let seed = FIRST; seed < FIRST + COUNT && wrong.length < 5; seed++) {
      const history = await play(seed, { tellsAll: single !== undefined });
      ended.histories++;
      ended.runs += history.runs;
      if (single !== undefined) process.stdout.write(`${describeHistory(history)}\n`);
      if (history.violations.length > 0) wrong.push(history);
    }
    expect(wrong.map(describeHistory).join("\n\n")).toBe("");
    expect(ended.histories).toBe(COUNT);
    if (single === undefined) expect(ended.runs).toBeGreaterThan(COUNT);
  });
});
