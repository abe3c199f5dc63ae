import { Readiness } from "@ccr/protocol";
import { expect, test } from "vitest";
import { createReadiness, type PartCheck } from "./readiness.ts";

const fine: PartCheck = async () => null;

const stage = (checks: Partial<Parameters<typeof createReadiness>[0]["checks"]> = {}, withinMs = 5000) => {
  const lines: string[] = [];
  let now = 0;
  const readiness = createReadiness({
    checks: { store: fine, sandbox: fine, gateway: fine, disk: fine, ...checks },
    log: (level, text) => lines.push(`${level} ${text}`),
    elapsedMs: () => now,
    withinMs,
  });
  return { readiness, lines, pass: (ms: number) => (now += ms) };
};

test("is ready when every part is", async () => {
  const { readiness, lines } = stage();
  const answer = await readiness();
  expect(answer).toEqual({ ready: true, parts: { store: "ok", sandbox: "ok", gateway: "ok", disk: "ok" } });
  expect(Readiness.parse(answer)).toEqual(answer);
  expect(lines).toEqual([]);
});

test("tells what is wrong in words for everybody, and the details to the log, once for each change", async () => {
  let down = true;
  const { readiness, lines, pass } = stage({
    sandbox: async () => (down ? "There is no Docker Engine at /run/secret/docker.sock." : null),
    store: async () => {
      if (down) throw new Error("disk I/O error in /srv/ccr/runner.db");
      return null;
    },
  });
  const answer = await readiness();
  expect(answer.ready).toBe(false);
  expect(answer.parts).toMatchObject({ gateway: "ok", disk: "ok" });
  expect(JSON.stringify(answer)).not.toMatch(/\/run|\/srv/);
  expect(answer.parts.sandbox).toMatch(/^No sandbox can be made now/);
  pass(2000);
  await readiness();
  expect(lines).toEqual([
    "warn not ready: store: disk I/O error in /srv/ccr/runner.db",
    "warn not ready: sandbox: There is no Docker Engine at /run/secret/docker.sock.",
  ]);
  down = false;
  pass(2000);
  expect((await readiness()).ready).toBe(true);
  expect(lines.slice(2)).toEqual(["info ready again: store", "info ready again: sandbox"]);
});

test("looks once in two seconds, however often it is asked", async () => {
  let looked = 0;
  const { readiness, pass } = stage({
    store: async () => {
      looked++;
      return null;
    },
  });
  await Promise.all(Array.from({ length: 1000 }, readiness));
  pass(1999);
  await readiness();
  expect(looked).toBe(1);
  pass(1);
  await readiness();
  expect(looked).toBe(2);
});

test("does not wait for a part that hangs, nor asks it again meanwhile", async () => {
  let looked = 0;
  const hang = Promise.withResolvers<null>();
  const { readiness, pass, lines } = stage(
    {
      gateway: () => {
        looked++;
        return hang.promise;
      },
    },
    20,
  );
  for (let round = 0; round < 3; round++) {
    const answer = await readiness();
    expect(answer).toMatchObject({ ready: false, parts: { store: "ok", gateway: expect.stringMatching(/^The gateway/) } });
    pass(2000);
  }
  expect(looked).toBe(1);
  expect(lines).toEqual(["warn not ready: gateway: it did not answer within 0.02 s"]);
  hang.resolve(null);
  await hang.promise;
  expect((await readiness()).ready).toBe(true);
});
