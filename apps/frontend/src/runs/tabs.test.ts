import { expect, test } from "vitest";
import { parseTab } from "./tabs.ts";

test("the address of a run's page names a tab, and a file among the changes", () => {
  expect(parseTab({ tab: "changes", file: "src/a.ts" })).toEqual({ tab: "changes", file: "src/a.ts" });
  expect(parseTab({ tab: "changes", file: 404 })).toEqual({ tab: "changes", file: "404" });
  expect(parseTab({ tab: "raw", file: "src/a.ts" })).toEqual({ tab: "raw" });
  expect(parseTab({ tab: "other", file: "src/a.ts" })).toEqual({});
});
