import { expect, test } from "vitest";
import { isInstalled } from "./dependencies.mjs";

const lock = (packages: object) => JSON.stringify({ packages });
const wanted = lock({
  "": { version: "0.1.0" },
  "apps/backend": { version: "0.1.0" },
  "node_modules/@ccr/backend": { resolved: "apps/backend", link: true },
  "node_modules/zod": { version: "4.6.7" },
  "node_modules/@x/darwin": { version: "1.0.0", optional: true, os: ["darwin"] },
});
const present = {
  "node_modules/@ccr/backend": { resolved: "apps/backend", link: true },
  "node_modules/zod": { version: "4.6.7" },
};

test("what npm installed is enough without the packages of other platforms", () => {
  expect(isInstalled(wanted, lock(present))).toBe(true);
});

test.each([
  ["nothing is installed", null],
  ["a package is missing", lock({ "node_modules/@ccr/backend": present["node_modules/@ccr/backend"] })],
  ["a package is another version", lock({ ...present, "node_modules/zod": { version: "4.6.6" } })],
  ["a folder of ours is not linked", lock({ ...present, "node_modules/@ccr/backend": { version: "0.1.0" } })],
])("installs when %s", (_, installed) => {
  expect(isInstalled(wanted, installed)).toBe(false);
});
