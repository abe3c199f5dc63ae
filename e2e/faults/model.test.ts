import { expect, it } from "vitest";
import { expectNothingWrong, lasting } from "./cases.ts";
import { startTrial } from "./trial.ts";

const SCRIPT = { calls: 15, thinkMs: 40 };

// Each has servers of its own, and mostly waits: they do so together.
it.concurrent("a model that cannot be reached for a while does not end a run", async () => {
  await using trial = await startTrial({ driver: "bubblewrap", seed: 1, script: SCRIPT });
  const run = await trial.launch();
  await trial.reached(run, 40);
  trial.line.set("cut");
  await lasting(12_000);
  expect((await trial.servers.ask((client) => client.runs.byId.query({ id: run.id }))).status).toBe("running");
  trial.line.set("open");
  await expectNothingWrong(trial, [run], { faultsAt: () => [] });
});

it.concurrent("a model that falls silent in the middle of a run, and then hangs up, does not end it", async () => {
  await using trial = await startTrial({ driver: "bubblewrap", seed: 2, script: SCRIPT });
  const run = await trial.launch();
  await trial.reached(run, 40);
  trial.line.set("silent");
  await lasting(15_000);
  expect((await trial.servers.ask((client) => client.runs.byId.query({ id: run.id }))).status).toBe("running");
  trial.line.set("open");
  await expectNothingWrong(trial, [run], { faultsAt: () => [] });
});
