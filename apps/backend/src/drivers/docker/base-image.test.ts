import { expect, test } from "vitest";
import { BASE_VARIABLES_LABEL, baseVariables, keptVariables } from "./base-image.ts";

test("gives sandboxes the variables of an image that its programs need, and none that lead its processes elsewhere", () => {
  const kept = keptVariables([
    "PATH=/opt/rust/bin:/usr/bin",
    "RUSTUP_HOME=/opt/rust",
    "EMPTY=",
    "WITH=a=b",
    "ANTHROPIC_BASE_URL=https://elsewhere.test",
    "CLAUDE_CODE_USE_BEDROCK=1",
    "https_proxy=http://elsewhere.test",
    "NODE_OPTIONS=--require /evil.js",
    "LD_PRELOAD=/evil.so",
    "HOME=/root",
    "EXECUTOR_TOKEN=x",
    "=odd",
    "odd",
  ]);
  expect(kept).toEqual({ PATH: "/opt/rust/bin:/usr/bin", RUSTUP_HOME: "/opt/rust", EMPTY: "", WITH: "a=b" });
  expect(baseVariables({ [BASE_VARIABLES_LABEL]: JSON.stringify(kept) })).toEqual(kept);
  for (const labels of [undefined, null, {}, { [BASE_VARIABLES_LABEL]: "{" }, { [BASE_VARIABLES_LABEL]: "[1]" }])
    expect(baseVariables(labels)).toEqual({});
});
