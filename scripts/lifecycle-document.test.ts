import { readFileSync } from "node:fs";
import { join } from "node:path";
import { RUN_REASONS, RUN_STATUSES } from "@ccr/protocol";
import { expect, test } from "vitest";
import { root } from "./setup/places.mjs";

const rows = readFileSync(join(root, "docs", "lifecycle.md"), "utf8")
  .split("\n")
  .filter((line) => line.startsWith("| `"));

test("the lifecycle page lists every status and every reason as the protocol has them, and no other", () => {
  const reasons = Object.entries(RUN_REASONS).map(
    ([reason, { status, outcome, sentence, next }]) => `| \`${reason}\` | ${status} | \`${outcome}\` | ${sentence} | ${next} |`,
  );
  expect(rows.slice(RUN_STATUSES.length)).toEqual(reasons);
  expect(rows.slice(0, RUN_STATUSES.length).map((row) => row.split("`")[1])).toEqual([...RUN_STATUSES]);
});
