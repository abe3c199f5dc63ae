import { sharedDockerEngine } from "@ccr/testkit";
import { afterAll, beforeAll, describe } from "vitest";
import { openBubblewrap, openDocker } from "./conformance/drivers.ts";
import { isolationTests } from "./conformance/isolation.ts";
import { lifecycleTests } from "./conformance/lifecycle.ts";
import { limitTests } from "./conformance/limits.ts";
import type { DriverUnderTest } from "./conformance/sandbox.ts";
import { survivalTests } from "./conformance/survival.ts";
import { terminalTests } from "./conformance/terminal.ts";

// The first build of the image, with everything fetched, on a slow machine.
const BUILT_WITHIN_MS = 900_000;

const suite = (open: () => Promise<DriverUnderTest>): void => {
  let under: DriverUnderTest;
  beforeAll(async () => {
    under = await open();
  }, BUILT_WITHIN_MS);
  afterAll(() => under[Symbol.asyncDispose]());
  lifecycleTests(() => under);
  isolationTests(() => under);
  limitTests(() => under);
  survivalTests(() => under);
  terminalTests(() => under);
};

const engine = await sharedDockerEngine();
if ("why" in engine) console.log(`The docker driver is not tested: ${engine.why}.`);
describe.skipIf("why" in engine)("docker", () => {
  suite(() => {
    if ("why" in engine) throw new Error(engine.why);
    return openDocker(engine);
  });
});

describe.skipIf(process.platform !== "linux")("bubblewrap", () => suite(openBubblewrap));
