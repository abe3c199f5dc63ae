import { CcrError, TaskParameter } from "@ccr/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { holdRequests } from "./held.ts";
import { TOKEN } from "./page-server.ts";
import { firstPart } from "./sample-run.ts";
import { ENDED, RUNNING, sampleTask } from "./sample-task.ts";
import { openTheatre, type Theatre } from "./stage.ts";

let theatre: Theatre;
beforeAll(async () => {
  theatre = await openTheatre();
});
afterAll(() => theatre[Symbol.asyncDispose]());

describe("what is refused is told where it was asked for", () => {
  test("a download that is not there leaves the page as it is, and says why in the server's words", async () => {
    await using stage = await theatre.open();
    const { page, backend } = stage;
    const run = backend.addRun(sampleTask(backend), RUNNING);
    backend.say(run.id, firstPart(run.id));
    let isThere = false;
    const refusal = { error: { code: "not_found", message: "No transcript of this run is kept yet." } };
    await page.route(/transcript\.jsonl$/, (route) =>
      isThere
        ? route.fulfill({ headers: { "content-disposition": "attachment" }, body: "{}" })
        : route.fulfill({ status: 404, json: refusal }),
    );
    await stage.go(`/runs/${run.id}?tab=raw`);
    const link = page.getByRole("link", { name: "Download JSON lines" });
    await link.click();
    await page.getByText(refusal.error.message, { exact: true }).waitFor();
    expect(new URL(page.url()).pathname).toBe(`/runs/${run.id}`);
    isThere = true;
    const downloaded = page.waitForEvent("download");
    await link.click();
    expect((await downloaded).suggestedFilename()).toBe("transcript.jsonl");
  });

  test("a further part of a list that did not come is asked for again by the same button", async () => {
    await using stage = await theatre.open();
    const { page, backend } = stage;
    const task = sampleTask(backend);
    for (let n = 0; n < 60; n++) backend.addRun(task, ENDED);
    await stage.go("/runs");
    const rows = page.locator("li[data-run]");
    await expect.poll(() => rows.count()).toBe(50);
    const decide = await holdRequests(page, "runs.page");
    await page.getByRole("button", { name: "Show more" }).click();
    decide("lose");
    await page.getByRole("alert").getByText("The server cannot be reached", { exact: false }).waitFor();
    await page.unrouteAll();
    await page.getByRole("button", { name: "Show more" }).click();
    await expect.poll(() => rows.count()).toBe(60);
    expect(await page.getByRole("alert").count()).toBe(0);
  });

  test("a launch that is refused for what the page does not ask says so, and asks for it from then on", async () => {
    await using stage = await theatre.open();
    const { page, backend } = stage;
    const task = sampleTask(backend);
    const why = "parameters.name: this task asks for 'name': give it a value.";
    backend.context.runs.create = async () => {
      throw new CcrError("bad_request", why);
    };
    await stage.go(`/tasks/${task.id}`);
    await page.getByLabel("Repository").fill("acme/slugs");
    await page.getByRole("button", { name: "Launch", exact: true }).click();
    await page.getByRole("alert").getByText("Not launched.", { exact: false }).waitFor();
    const parameters = [TaskParameter.parse({ name: "name", type: "text" })];
    await backend.context.tasks.update({ id: task.id, parameters });
    const field = page.getByRole("textbox", { name: "name", exact: true });
    await field.waitFor();
    await expect.poll(() => field.getAttribute("aria-invalid")).toBe("true");
    await expect.poll(() => page.getByText("Not launched.", { exact: false }).count()).toBe(0);
    expect(await field.evaluate((element) => element === document.activeElement)).toBe(true);
  });

  test("a transcript that was refused is there once it is asked for again", async () => {
    await using stage = await theatre.open();
    const { page, backend } = stage;
    const run = backend.addRun(sampleTask(backend), RUNNING);
    backend.say(run.id, firstPart(run.id));
    const refusal = { error: { message: "You may not read this.", code: -32003, data: { code: "FORBIDDEN", httpStatus: 403 } } };
    await page.route(/\/trpc\/[^?]*runs\.messages/, (route) => route.fulfill({ status: 403, json: [refusal] }));
    await stage.go(`/runs/${run.id}`);
    await page.getByText("The transcript cannot be read now").waitFor();
    await page.unrouteAll();
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("button", { name: /Subagent/ }).waitFor();
  });
});

test("a page that asks for the token goes on by itself once another tab is logged in", async () => {
  await using stage = await theatre.open();
  stage.server.requireLogin();
  await stage.go("/runs?status=failed");
  await stage.page.getByRole("heading", { name: "Log in" }).waitFor();
  const other = await stage.page.context().newPage();
  await other.goto(`${stage.server.url}/`);
  await other.getByLabel("Token").fill(TOKEN);
  await other.getByRole("button", { name: "Log in" }).click();
  await other.getByRole("heading", { name: "Home" }).waitFor();
  await stage.page.getByText("No run fits this filter").waitFor();
});

test("what is typed while a task is being saved stays, as a change of what was saved", async () => {
  await using stage = await theatre.open();
  const { page, backend } = stage;
  const task = sampleTask(backend);
  await stage.go(`/tasks/${task.id}`);
  const name = page.getByLabel("Name");
  await name.fill("First name");
  const decide = await holdRequests(page, "tasks.update");
  const save = page.getByRole("button", { name: "Save", exact: true });
  await save.click();
  await name.fill("Second name");
  decide("let through");
  await page.getByRole("heading", { level: 1 }).getByText("First name").waitFor();
  expect(await name.inputValue()).toBe("Second name");
  await page.reload();
  await expect.poll(() => name.inputValue()).toBe("Second name");
  await save.click();
  await page.getByRole("heading", { level: 1 }).getByText("Second name").waitFor();
  expect(backend.tasks[0]).toMatchObject({ name: "Second name" });
});
