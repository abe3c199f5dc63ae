import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { driversUnderTest, ownEngine } from "../src/drivers.ts";
import { type CampaignOptions, runCampaign } from "./campaign.ts";

const drivers = (await driversUnderTest()).map(([driver]) => driver);
const SCRIPT = { calls: 15, thinkMs: 40 };
const bounded = {
  script: SCRIPT,
  runsAtOnce: 2,
  freezeEvery: 0,
  pauseMs: 2_500,
  limitMs: 100_000,
} satisfies Partial<CampaignOptions>;

/** Everything must be as it should be; the report of what was not is what a person reads. */
const expectNothingFound = async (options: CampaignOptions): Promise<void> => {
  const result = await runCampaign(options);
  expect(result.findings.length === 0 ? "nothing wrong" : `${result.report}\n${result.evidence}`).toBe("nothing wrong");
  expect(result.kills).toBe(options.kills);
  expect(result.messages).toBeGreaterThan(0);
};

describe("whatever is killed, nothing is lost or doubled, every run ends well, and nothing is left", () => {
  it("on bubblewrap: twelve kills of backend, gateway, executor, agent and sandbox", { timeout: 300_000 }, () =>
    expectNothingFound({
      ...bounded,
      driver: "bubblewrap",
      seed: 11,
      kills: 12,
      parts: ["backend", "gateway", "executor", "agent", "sandbox"],
    }),
  );

  describe.runIf(drivers.includes("docker"))("on docker", () => {
    let own: Awaited<ReturnType<typeof ownEngine>>;
    beforeAll(async () => {
      own = await ownEngine();
    }, 900_000);
    afterAll(async () => {
      if (own !== undefined && "engine" in own) await own.engine[Symbol.asyncDispose]();
    });

    it("six kills, of the engine too", { timeout: 300_000 }, async (context) => {
      if ("why" in own) return context.skip(own.why);
      await expectNothingFound({
        ...bounded,
        driver: "docker",
        seed: 5,
        kills: 6,
        parts: ["backend", "gateway", "executor", "agent", "sandbox", "engine"],
        control: own.engine,
        engine: own.variables,
      });
    });
  });
});
