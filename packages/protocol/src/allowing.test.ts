import { expect, test } from "vitest";
import { allowingOf, hostsOf } from "./allowing.ts";
import { type RunEnvironment, Setup } from "./environment.ts";
import type { AuditRecord } from "./gateway.ts";
import { EnvironmentId, RunId } from "./ids.ts";

const refused = (change: Partial<AuditRecord> = {}): AuditRecord => ({
  n: 1,
  at: "2026-11-22T20:00:10.000Z",
  runId: RunId.parse("run_0123456789"),
  kind: "connect",
  method: "CONNECT",
  host: "a.test",
  port: 443,
  path: "",
  decision: "refused",
  rule: "a.test is not on the allow-list of this run",
  refusedBy: "policy",
  status: 403,
  bytesUp: 0,
  bytesDown: 0,
  durationMs: 1,
  usage: null,
  ...change,
});
type OfRun = Parameters<typeof allowingOf>[0];
const run = (change: Partial<OfRun> = {}): OfRun => ({
  status: "running",
  startedAt: "2026-11-22T20:00:05.000Z",
  environment: null,
  allowedHosts: [],
  ...change,
});
const environment: RunEnvironment = {
  id: EnvironmentId.parse("env_0123456789"),
  name: "E",
  image: { kind: "default" },
  setup: Setup.parse({ script: "npm ci" }),
  variables: {},
  secretNames: [],
  generation: 0,
  network: "none",
  allowedHosts: [],
};

test("a host that the policy has no rule for can be allowed while the run goes on, also by what an older gateway wrote down", () => {
  expect(allowingOf(run(), refused())).toEqual({ kind: "can" });
  expect(allowingOf(run({ status: "waiting" }), refused({ refusedBy: undefined }))).toEqual({ kind: "can" });
  for (const status of ["canceling", "succeeded", "failed"] as const) expect(allowingOf(run({ status }), refused())).toBeNull();
});

test("it is allowed with this port, or below an allowed name, and stays so when the run has ended", () => {
  const allowedHosts = [
    { host: "a.test", ports: [443] },
    { host: "*.b.test", ports: [80] },
  ];
  expect(allowingOf(run({ allowedHosts }), refused())).toEqual({ kind: "is" });
  expect(allowingOf(run({ allowedHosts, status: "failed" }), refused())).toEqual({ kind: "is" });
  expect(allowingOf(run({ allowedHosts }), refused({ host: "x.b.test", port: 80 }))).toEqual({ kind: "is" });
  expect(allowingOf(run({ allowedHosts }), refused({ port: 8443 }))).toEqual({ kind: "can" });
  expect(allowingOf(run({ allowedHosts }), refused({ host: "b.test", port: 80 }))).toEqual({ kind: "can" });
  expect(hostsOf([...allowedHosts, { host: "c.test", ports: [1, 2] }])).toEqual([
    "a.test:443",
    "*.b.test:80",
    "c.test:1",
    "c.test:2",
  ]);
});

test("it never can be where the gateway refuses it whatever is allowed, which is said", () => {
  const rule = "inside.test leads to 10.0.0.5, which is not a public address";
  const allowedHosts = [{ host: "inside.test", ports: [443] }];
  expect(allowingOf(run({ allowedHosts }), refused({ host: "inside.test", rule, refusedBy: "gateway" }))).toEqual({
    kind: "never",
    why: rule,
  });
  expect(allowingOf(run(), refused({ host: "db.internal" }))).toEqual({
    kind: "never",
    why: "db.internal is a name of a private network or of the machine itself, which no sandbox may reach",
  });
});

test("nothing is to be done about what was let through, what is no host, and what the model was asked for", () => {
  expect(allowingOf(run(), refused({ decision: "allowed", refusedBy: undefined }))).toBeNull();
  expect(allowingOf(run(), refused({ host: "", port: 0 }))).toBeNull();
  expect(allowingOf(run(), refused({ host: "a b" }))).toBeNull();
  expect(allowingOf(run(), refused({ kind: "model", host: "api.anthropic.com", path: "/v1/files" }))).toBeNull();
});

test("a set-up has hosts of its own; what the agent asks for after it can be allowed", () => {
  const early = refused({ at: "2026-11-22T20:00:04.000Z" });
  const why = expect.stringContaining("which has hosts of its own");
  expect(allowingOf(run({ environment }), early)).toEqual({ kind: "never", why });
  expect(allowingOf(run({ environment, startedAt: null, status: "starting" }), refused())).toEqual({ kind: "never", why });
  expect(allowingOf(run({ environment }), refused())).toEqual({ kind: "can" });
  expect(allowingOf(run(), early)).toEqual({ kind: "can" });
});
