import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { pinnedNode, temporaryFolder } from "@ccr/testkit";
import { expect, test } from "vitest";
import { LIMIT_BYTES, measureFirstLoads } from "./first-load.mjs";
import { root } from "./setup/places.mjs";

const buildPage = async (outDir: string): Promise<void> => {
  const vite = join(root, "node_modules/vite/bin/vite.js");
  // The test runner's own would make it a build for development.
  const { NODE_ENV: _, ...env } = process.env;
  const page = join(root, "apps/frontend");
  await promisify(execFile)(pinnedNode, [vite, "build", page, "--outDir", outDir, "--emptyOutDir", "--logLevel", "error"], {
    env,
  });
};

test("every page is there, compressed, with less than the limit, and no page is left out", async () => {
  await using dist = await temporaryFolder();
  await buildPage(dist.path);
  const loads = measureFirstLoads(dist.path);
  expect(loads.length).toBeGreaterThan(8);
  expect(loads.map(({ page }) => page)).toContain("runs/page/run-page.tsx");
  expect(loads.filter(({ scriptBytes }) => scriptBytes > LIMIT_BYTES)).toEqual([]);
  // What holds React and the router cannot be less: then something was not counted.
  for (const { scriptBytes } of loads) expect(scriptBytes).toBeGreaterThan(100_000);
  // The server has something smaller to send for everything that is worth it.
  for (const { bytes, gzipBytes } of loads) expect(bytes).toBeLessThan(gzipBytes);
});
