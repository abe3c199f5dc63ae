import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { root } from "../setup/places.mjs";
import { FIRST_FILES, LONG_FILES, rankOf } from "./longest-first.mjs";

it("knows no test file that is not there", () => {
  expect([...FIRST_FILES, ...Object.keys(LONG_FILES)].filter((file) => !existsSync(join(root, file)))).toEqual([]);
});

it("puts those first that need no image, after the one that builds it, then the longest", () => {
  const [longest = "", next = ""] = Object.keys(LONG_FILES).filter((file) => !FIRST_FILES.includes(file));
  const ordered = [...FIRST_FILES, longest, next, "scripts/walls.test.ts"];
  expect(ordered.toReversed().toSorted((one, other) => rankOf(other) - rankOf(one))).toEqual(ordered);
});
