import { expect, test } from "vitest";
import { linkedPath } from "./names.ts";

test("a link leads from its own folder, and nowhere that is not in the workspace", () => {
  const from = (target: string) => linkedPath("docs/guide/latest", target);
  expect(from("v2/index.md")).toBe("docs/guide/v2/index.md");
  expect(from("./../../README.md")).toBe("README.md");
  expect(from("../guide//v1/")).toBe("docs/guide/v1");
  expect(linkedPath("latest", "v2")).toBe("v2");
  for (const outside of ["/etc/passwd", "../../../etc", "../..", "", "."]) {
    expect(linkedPath("docs/guide/latest", outside)).toBe(outside === "." ? "docs/guide" : null);
  }
});
