import type { Continuation } from "@ccr/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { firstPart } from "./sample-run.ts";
import { RUNNING, sampleTask } from "./sample-task.ts";
import { openTheatre, type Theatre } from "./stage.ts";

let theatre: Theatre;
beforeAll(async () => {
  theatre = await openTheatre();
});
afterAll(() => theatre[Symbol.asyncDispose]());

test("a tab, a question and the palette whose code could not be fetched can be had later, without a reload", async () => {
  await using stage = await theatre.open();
  const { page, backend } = stage;
  const run = backend.addRun(sampleTask(backend), RUNNING);
  backend.say(run.id, firstPart(run.id));
  const parts = /\/assets\/(changes|confirm-dialog|palette)-[^/]*\.js$/;
  await page.route(parts, (route) => route.fulfill({ status: 404, body: "gone" }));
  await stage.go(`/runs/${run.id}`);
  await page.evaluate("window.ccrSame = true");
  await page.getByRole("link", { name: "Changes", exact: true }).click();
  await page.getByText("This part of the page could not be fetched", { exact: false }).waitFor();
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await page.getByRole("status").getByText("could not be fetched", { exact: false }).waitFor();
  expect(await page.getByRole("alertdialog").count()).toBe(0);
  await page.unroute(parts);
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByText("No file is changed yet").waitFor();
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await page.getByRole("alertdialog").waitFor();
  expect(await page.evaluate("window.ccrSame === true")).toBe(true);
});

test("a head that cannot be drawn takes nothing else with it", async () => {
  await using stage = await theatre.open();
  const { page, backend } = stage;
  // As no server tells it: the list is not there.
  const continues: Continuation = JSON.parse('{"runId":"run_0000000009","because":"person","number":0,"lastComment":null}');
  const run = backend.addRun(sampleTask(backend), { ...RUNNING, continues });
  backend.say(run.id, firstPart(run.id));
  await stage.go(`/runs/${run.id}`);
  await page.getByText("The part “head of the run” could not be shown").waitFor();
  await page
    .getByText("Only the README mentions slugs")
    .or(page.getByRole("button", { name: /Subagent/ }))
    .first()
    .waitFor();
  await page.getByRole("textbox", { name: "What to say to Claude Code" }).waitFor();
  await page.getByRole("complementary", { name: "Steps" }).waitFor();
});
