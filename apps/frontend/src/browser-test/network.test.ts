import { CcrError, type Run } from "@ccr/protocol";
import { waitFor } from "@ccr/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { refusedRecord } from "./sample-run.ts";
import { openTheatre, type Theatre } from "./stage.ts";

let theatre: Theatre;
beforeAll(async () => {
  theatre = await openTheatre();
});
afterAll(() => theatre[Symbol.asyncDispose]());

const open = async (patch: Partial<Run> = {}, width = 1280) => {
  const stage = await theatre.open({ width });
  const { backend } = stage;
  const task = backend.addTask({ name: "Fetch it", steps: [{ instructions: "Fetch it.", checks: "" }] });
  const run = backend.addRun(task, { status: "running", startedAt: "2026-11-22T20:00:00.000Z", ...patch });
  const inside = {
    ...refusedRecord(run.id, 3, "inside.example.com"),
    refusedBy: "gateway" as const,
    rule: "inside.example.com leads to 10.0.0.5, which is not a public address",
  };
  backend.addRequests(run.id, [
    refusedRecord(run.id, 1, "a.example.com"),
    refusedRecord(run.id, 2, "b.example.com"),
    inside,
    refusedRecord(run.id, 4, "db.internal"),
    refusedRecord(run.id, 5, "a.example.com"),
  ]);
  await stage.go(`/runs/${run.id}?tab=network`);
  await stage.page.getByText("5 requests").waitFor();
  const row = (text: string) => stage.page.getByRole("row").filter({ hasText: text });
  const button = (host: string) => stage.page.getByRole("button", { name: `Allow ${host}:443` });
  return { ...stage, run, row, button };
};

describe("a refused request", () => {
  test("has its host allowed by one click or key, which shows at once in each of its rows", async () => {
    await using at = await open();
    const { page, backend, run, row, button } = at;
    const held = Promise.withResolvers<void>();
    backend.network.before = () => held.promise;
    await button("a.example.com").first().focus();
    await page.keyboard.press("Enter");
    // The server has not answered yet.
    await row("a.example.com").getByText("allowed", { exact: true }).nth(1).waitFor();
    expect(await button("a.example.com").count()).toBe(0);
    expect(await page.evaluate(() => document.activeElement?.getAttribute("role"))).toBe("row");
    expect(backend.runs.find(({ id }) => id === run.id)?.allowedHosts).toEqual([]);
    held.resolve();
    await waitFor(() => backend.runs.find(({ id }) => id === run.id)?.allowedHosts.length === 1, { what: "the host" });
    await page.getByText("Allowed for this run: a.example.com:443").waitFor();
    expect(await row("a.example.com").getByText("allowed", { exact: true }).count()).toBe(2);
    await button("b.example.com").click();
    await page.getByText("Allowed for this run: a.example.com:443, b.example.com:443").waitFor();
    expect(at.offences).toEqual([]);
  });

  test("can be allowed again when the server refused that, and says why in the server's words", async () => {
    await using at = await open();
    const { page, backend, button } = at;
    const refusing = Promise.withResolvers<never>();
    // It may be refused before anybody asks.
    refusing.promise.catch(() => {});
    backend.network.before = () => refusing.promise;
    await button("b.example.com").click();
    await button("b.example.com").waitFor({ state: "detached" });
    refusing.reject(new CcrError("conflict", "b.example.com cannot be allowed as well: 200 hosts are the most."));
    await page.getByText("b.example.com cannot be allowed as well: 200 hosts are the most.", { exact: true }).waitFor();
    await button("b.example.com").waitFor();
    expect(await page.getByText("Allowed for this run").count()).toBe(0);
  });

  test("says why where it never can be allowed, and has no button", async () => {
    await using at = await open();
    const { row, button } = at;
    const inside = row("inside.example.com");
    await inside.getByText("cannot be allowed").waitFor();
    await inside.getByText("leads to 10.0.0.5, which is not a public address").waitFor();
    await row("db.internal").getByText("db.internal is a name of a private network").waitFor();
    for (const host of ["inside.example.com", "db.internal"]) expect(await button(host).count()).toBe(0);
  });

  test("has nothing to be allowed when the run has ended, but tells what was", async () => {
    const allowedHosts = [{ host: "a.example.com", ports: [443] }];
    const ended = {
      status: "failed",
      reason: "check_failed",
      sentence: "It failed.",
      endedAt: "2026-11-22T20:01:00.000Z",
    } as const;
    await using at = await open({ ...ended, allowedHosts });
    await at.row("a.example.com").getByText("allowed", { exact: true }).first().waitFor();
    expect(await at.button("b.example.com").count()).toBe(0);
  });

  test("has its button on a phone, with room for a finger", async () => {
    await using at = await open({}, 360);
    const { page, button, row } = at;
    const box = await button("b.example.com").boundingBox();
    expect(box?.height).toBeGreaterThanOrEqual(24);
    expect((box?.x ?? 999) + (box?.width ?? 0)).toBeLessThanOrEqual(360);
    const around = await row("b.example.com").boundingBox();
    expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThanOrEqual((around?.y ?? 0) + (around?.height ?? 0));
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBe(0);
    await button("b.example.com").click();
    await row("b.example.com").getByText("allowed", { exact: true }).waitFor();
  });
});

test("what a person allowed is told in the transcript", async () => {
  await using at = await open();
  const { backend, run, page } = at;
  backend.say(run.id, [{ source: "runner", body: { type: "egress_allowed", host: "a.example.com", port: 443 }, afterMs: 1 }]);
  await at.go(`/runs/${run.id}`);
  await page.getByText("A person allowed this run to reach a.example.com:443.").waitFor();
});
