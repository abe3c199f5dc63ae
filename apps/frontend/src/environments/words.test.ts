import { CreateEnvironmentInput, EnvironmentId } from "@ccr/protocol";
import { expect, test } from "vitest";
import { describeEnvironment } from "./environment-words.ts";
import { describeNetwork } from "./network-words.ts";

const describe = (given: object): string => {
  const at = "2026-11-22T20:00:00.000Z";
  const known = {
    id: EnvironmentId.parse("env_0123456789"),
    secretNames: [],
    generation: 0,
    version: 1,
    createdAt: at,
    updatedAt: at,
  };
  return describeEnvironment({ ...CreateEnvironmentInput.parse({ name: "E", ...given }), ...known });
};

test("an environment is told in a line, and what Claude Code may reach apart from what its set-up may", () => {
  expect(describe({})).toBe("no set-up");
  expect(describe({ setup: { script: "x", network: "packages" } })).toBe("set-up");
  expect(describe({ network: "packages" })).toBe("no set-up · Claude Code may reach hosts of packages");
  const allowedHosts = [{ host: "a.test", ports: [80, 443] }];
  expect(describe({ setup: { script: "x" }, allowedHosts })).toBe("set-up without a network · Claude Code may reach 2 hosts");
  expect(describe({ network: "packages", allowedHosts, variables: { A: "" } })).toBe(
    "no set-up · Claude Code may reach hosts of packages and 2 hosts · 1 variable",
  );
});

test("a run tells by which preset it reaches what it does, and who said so", () => {
  expect(describeNetwork({ network: "none", networkBy: null })).toBe("Network preset: nothing");
  expect(describeNetwork({ network: "packages", networkBy: "task" })).toBe("Network preset: hosts of packages, as its task says");
});
