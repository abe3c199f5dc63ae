import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { projectRoot, temporaryFolder } from "@ccr/testkit";
import { expect, it } from "vitest";
import { readVersion } from "./version.ts";

it("is the one that the project's package.json names", async () => {
  expect(await readVersion(join(projectRoot, "package.json"))).toMatch(/^\d+\.\d+\.\d+$/);
});

it.each(["{}", '{"version":1}', '{"version":""}', "null"])("is never made up from %s", async (text) => {
  await using folder = await temporaryFolder();
  await writeFile(folder.join("package.json"), text);
  await expect(readVersion(folder.join("package.json"))).rejects.toThrow("does not say which version this is");
});
