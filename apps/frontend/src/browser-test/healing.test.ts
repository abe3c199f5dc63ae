import { CcrError, type DraftEvent, type Run } from "@ccr/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTheatre, type Theatre } from "./stage.ts";

let theatre: Theatre;
beforeAll(async () => {
  theatre = await openTheatre();
});
afterAll(() => theatre[Symbol.asyncDispose]());

const running: Partial<Run> = { status: "running", stepIndex: 0, driver: "bubblewrap", startedAt: "2026-11-22T20:00:00.000Z" };
const openRun = async () => {
  const stage = await theatre.open();
  const { backend } = stage;
  const run = backend.addRun(backend.addTask({ name: "Write", steps: [{ instructions: "Write.", checks: "" }] }), running);
  backend.say(run.id, [{ source: "runner", body: { type: "note", text: "It begins." }, afterMs: 1 }]);
  return { ...stage, run };
};

test("half a sentence is taken back when nobody knows how it goes on, and comes anew", async () => {
  await using stage = await openRun();
  const { backend, page, server, run } = stage;
  const reset = (text: string): DraftEvent => ({ type: "reset", blocks: [{ index: 0, kind: "text", name: null, text }] });
  const again = Promise.withResolvers<void>();
  let connections = 0;
  backend.context.talk.draft = async function* (_id, signal) {
    connections += 1;
    if (connections > 1) await again.promise;
    yield reset(connections === 1 ? "Half a sen" : "Half a sentence, and more");
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  };
  await stage.go(`/runs/${run.id}`);
  const draft = page.getByRole("region", { name: "Being written" });
  await draft.getByText("Half a sen").waitFor();
  server.cut();
  await draft.waitFor({ state: "detached" });
  await expect.poll(() => connections).toBeGreaterThan(1);
  expect(await draft.count()).toBe(0);
  again.resolve();
  await draft.getByText("Half a sentence, and more").waitFor();
  expect(stage.offences).toEqual([]);
});

test("what waits to be told stays in sight when it cannot be read, and that is said", async () => {
  await using stage = await openRun();
  const { backend, page, run } = stage;
  const { list } = backend.context.talk;
  await backend.context.talk.say({ id: run.id, text: "And write a test", now: false });
  await stage.go(`/runs/${run.id}`);
  const waiting = page.getByRole("region", { name: "Waits to be told" }).getByText("And write a test");
  await waiting.waitFor();
  const refuse = async (): Promise<never> => {
    throw new CcrError("unavailable", "The disk is slow.");
  };
  backend.context.talk.list = refuse;
  await page.getByText("cannot be read now; this is what was known before.").waitFor();
  await waiting.waitFor();
  await page.reload();
  await page.getByText("What was said to Claude Code cannot be read now.").waitFor();
  backend.context.talk.list = list;
  await page.getByRole("button", { name: "Try again" }).click();
  await waiting.waitFor();
  await page.getByText("cannot be read now").waitFor({ state: "detached" });
});
