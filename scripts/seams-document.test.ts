import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..");
const rows = readFileSync(join(root, "docs/seams.md"), "utf8")
  .split("\n")
  .filter((line) => /^\| \d+ \|/.test(line));

describe("docs/seams.md", () => {
  it("names twenty seams", () => {
    expect(rows.map((row) => Number(row.split("|")[1]))).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  });

  it.each(rows)("names a test that is there: %s", (row) => {
    const [, file = "", title = ""] = /`([^`]+)`: "([^"]+)" \|$/.exec(row) ?? [];
    expect(readFileSync(join(root, file), "utf8")).toContain(title);
  });
});
