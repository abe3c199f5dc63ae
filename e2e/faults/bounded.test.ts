import { findPostgres } from "@ccr/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { driversUnderTest, ownEngine } from "../src/drivers.ts";
import { type CampaignOptions, type CampaignResult, runCampaign } from "./campaign.ts";
import { LEASE_MS } from "./progress.ts";

const drivers = (await driversUnderTest()).map(([driver]) => driver);
const postgres = findPostgres();
const SCRIPT = { calls: 15, thinkMs: 40 };
const bounded = {
  script: SCRIPT,
  runsAtOnce: 2,
  pauseMs: 2_500,
  limitMs: 100_000,
} satisfies Partial<CampaignOptions>;
const frozenFor = ({ history }: CampaignResult): number[] =>
  history.flatMap(({ what }) => (what.kind === "frozen" ? [what.forMs] : []));

/** Everything must be as it should be; the report of what was not is what a person reads. */
const expectNothingFound = async (options: CampaignOptions): Promise<CampaignResult> => {
  const result = await runCampaign(options);
  expect(result.findings.length === 0 ? "nothing wrong" : `${result.report}\n${result.evidence}`).toBe("nothing wrong");
  expect(result.kills).toBe(options.kills);
  expect(result.messages).toBeGreaterThan(0);
  return result;
};

// Each seed is one whose plan names every part.
describe("whatever is killed, nothing is lost or doubled, every run ends well, and nothing is left", () => {
  it("on bubblewrap: twelve kills of backend, gateway, executor, agent and sandbox, and a freeze", {
    timeout: 300_000,
  }, async () => {
    const result = await expectNothingFound({
      ...bounded,
      driver: "bubblewrap",
      seed: 43,
      kills: 12,
      freezeEvery: 10,
      parts: ["backend", "gateway", "executor", "agent", "sandbox"],
    });
    expect(frozenFor(result)).toHaveLength(1);
  });

  describe.runIf(!("why" in postgres))("with two servers on one PostgreSQL", () => {
    it("seven kills, of the database too, and a server that is frozen for longer than a lease", {
      timeout: 300_000,
    }, async () => {
      const result = await expectNothingFound({
        ...bounded,
        driver: "bubblewrap",
        database: "postgres",
        servers: 2,
        seed: 25_127,
        kills: 7,
        freezeEvery: 5,
        parts: ["backend", "gateway", "executor", "agent", "sandbox", "database"],
      });
      expect(Math.max(...frozenFor(result))).toBeGreaterThan(LEASE_MS);
    });
  });

  describe.runIf(drivers.includes("docker"))("on docker", () => {
    let own: Awaited<ReturnType<typeof ownEngine>>;
    beforeAll(async () => {
      own = await ownEngine();
    }, 900_000);
    afterAll(async () => {
      if (own !== undefined && "engine" in own) await own.engine[Symbol.asyncDispose]();
    });

    it("six kills, of the engine too, and a freeze", { timeout: 300_000 }, async (context) => {
      if ("why" in own) return context.skip(own.why);
      const result = await expectNothingFound({
        ...bounded,
        driver: "docker",
        seed: 92,
        kills: 6,
        freezeEvery: 5,
        parts: ["backend", "gateway", "executor", "agent", "sandbox", "engine"],
        control: own.engine,
        engine: own.variables,
      });
      expect(frozenFor(result)).toHaveLength(1);
    });
  });
});
