import { writeFile } from "node:fs/promises";
import { temporaryFolder } from "@ccr/testkit";
import { expect, test } from "vitest";
import { createBuildName } from "./build.ts";

test("what is deployed has another name when the page or the version is another, and the same otherwise", async () => {
  await using folder = await temporaryFolder();
  const nameOf = createBuildName({ version: "1.0.0", uiFolder: folder.path });
  const unbuilt = await nameOf();
  await writeFile(folder.join("index.html"), '<script src="/assets/index-a.js">');
  const first = await nameOf();
  expect(await nameOf()).toBe(first);
  expect(await createBuildName({ version: "1.0.0", uiFolder: folder.path })()).toBe(first);
  const newer = await createBuildName({ version: "1.0.1", uiFolder: folder.path })();
  await writeFile(folder.join("index.html"), '<script src="/assets/index-bb.js">');
  const rebuilt = await nameOf();
  expect(new Set([unbuilt, first, newer, rebuilt]).size).toBe(4);
});
