import { CreateEnvironmentInput, EnvironmentId } from "@ccr/protocol";
import { expect, test } from "vitest";
import { describeDifference, draftOf, type EnvironmentDraft, emptyDraft, isChanged, validateDraft } from "./draft.ts";

const draft = (change: Partial<EnvironmentDraft> = {}): EnvironmentDraft => ({ ...emptyDraft(), name: "Node", ...change });
const inputOf = (change: Partial<EnvironmentDraft>) => {
  const result = validateDraft(draft(change));
  if (!result.ok) throw new Error(JSON.stringify([...result.problems]));
  return result.input;
};
const problems = (change: Partial<EnvironmentDraft>) => {
  const result = validateDraft(draft(change));
  return result.ok ? {} : Object.fromEntries(result.problems);
};

test("gives what the server takes", () => {
  expect(inputOf({})).toEqual({
    ...{ name: "Node", image: { kind: "default" }, setup: null, variables: {} },
    ...{ network: "none", allowedHosts: [] },
  });
  expect(
    inputOf({
      imageKind: "named",
      imageName: " rust:1 ",
      agentNetwork: "packages",
      agentHosts: "agent.example.org:8443",
      script: "cargo fetch\n",
      network: "none",
      hosts: "one.example.org\n\n two.example.org:8443 ",
      minutes: "1,5",
      cacheKeys: "Cargo.lock\n",
      variables: "CI=1\nURL=a=b\n\nEMPTY=",
    }),
  ).toEqual({
    name: "Node",
    image: { kind: "named", name: "rust:1" },
    setup: {
      script: "cargo fetch\n",
      network: "none",
      allowedHosts: [
        { host: "one.example.org", ports: [443] },
        { host: "two.example.org", ports: [8443] },
      ],
      seconds: 90,
      cacheKeys: ["Cargo.lock"],
    },
    network: "packages",
    allowedHosts: [{ host: "agent.example.org", ports: [8443] }],
    variables: { CI: "1", URL: "a=b", EMPTY: "" },
  });
  expect(inputOf({ imageKind: "devcontainer" }).image).toEqual({ kind: "devcontainer" });
});

test("names the field that is wrong", () => {
  expect(Object.keys(problems({ name: " " }))).toEqual(["name"]);
  expect(Object.keys(problems({ imageKind: "named", imageName: "--evil" }))).toEqual(["imageName"]);
  expect(problems({ script: "x", hosts: "a b" })).toEqual({ hosts: "is not a host name" });
  expect(problems({ agentHosts: "a.example.org\n10.0.0.1" }).agentHosts).toMatch(/^10\.0\.0\.1 is an address/);
  expect(problems({ script: "x", minutes: "soon" }).minutes).toMatch(/^between 5 seconds and/);
  expect(Object.keys(problems({ script: "x", cacheKeys: "../x" }))).toEqual(["cacheKeys"]);
  expect(problems({ variables: "CI" }).variables).toContain("NAME=value");
  expect(problems({ variables: "HOME=/x" }).variables).toContain("belongs to the sandbox");
});

test("shows what was saved as it was typed", () => {
  const input = CreateEnvironmentInput.parse({
    name: "Node",
    setup: { script: "npm ci", allowedHosts: [{ host: "a.example.org", ports: [80, 443] }], seconds: 90, cacheKeys: ["x"] },
    network: "packages",
    allowedHosts: [{ host: "agent.example.org", ports: [443] }],
    variables: { A: "1" },
  });
  const at = "2026-11-22T20:00:00.000Z";
  const saved = {
    ...input,
    id: EnvironmentId.parse("env_0123456789"),
    secretNames: [],
    generation: 0,
    version: 3,
    createdAt: at,
    updatedAt: at,
  };
  const shown = draftOf(saved);
  expect(shown).toMatchObject({
    hosts: "a.example.org:80\na.example.org",
    minutes: "1.5",
    cacheKeys: "x",
    agentNetwork: "packages",
    agentHosts: "agent.example.org",
    variables: "A=1",
    base: "3",
  });
  expect(isChanged({ ...shown, base: null }, shown)).toBe(false);
  expect(isChanged({ ...shown, minutes: "2" }, shown)).toBe(true);
  expect(describeDifference({ ...shown, base: null, hosts: "", network: "packages", agentHosts: "" }, shown)).toEqual([
    "what Claude Code may reach",
    "what the set-up may reach",
  ]);
});
