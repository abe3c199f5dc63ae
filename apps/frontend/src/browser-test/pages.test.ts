import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newInstance } from "./memory-backend.ts";
import { TOKEN } from "./page-server.ts";
import { firstPart, lastPart, openCall } from "./sample-run.ts";
import { ENDED, RUNNING, sampleTask } from "./sample-task.ts";
import { openTheatre, type Theatre } from "./stage.ts";

let theatre: Theatre;
beforeAll(async () => {
  theatre = await openTheatre();
});
afterAll(() => theatre[Symbol.asyncDispose]());

describe("tasks", () => {
  test("is written, survives a reload unsaved, is refused with reasons, saved, launched and watched to its end", async () => {
    await using stage = await theatre.open({ path: "/?launch=task" });
    const { page, backend } = stage;
    await page.getByRole("link", { name: "New task" }).click();
    await page.getByRole("button", { name: "Create the task" }).click();
    await page.getByText("The name is empty: give the task a name").waitFor();
    await page.getByText("The instructions are empty").waitFor();
    expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-invalid"))).toBe("true");

    await page.getByLabel("Name").fill("Add a slugify function");
    await page.getByLabel("Instructions").fill("Write it.");
    await page.getByLabel("Checks").fill("$ npm test\n$npm run lint");
    await page.getByText("There is no space after its dollar sign").waitFor();
    await page.getByRole("button", { name: "Duplicate step 1" }).click();
    await page.getByLabel("Instructions").nth(1).fill("Describe it.");
    await page.getByRole("button", { name: "Move step 2 up" }).press("Enter");
    await page.reload();
    expect(await page.getByLabel("Name").inputValue()).toBe("Add a slugify function");
    await page.getByRole("button", { name: "Create the task" }).click();
    await page.waitForURL(/\/tasks\/task_/);
    expect(backend.tasks[0]?.steps.map(({ instructions }) => instructions)).toEqual(["Describe it.", "Write it."]);

    await page.getByLabel("Repository").fill("file:///etc");
    await page.getByRole("button", { name: "Launch", exact: true }).click();
    await page.getByText("'file:' addresses are not taken").waitFor();
    expect(await page.getByLabel("Repository").inputValue()).toBe("file:///etc");
    await page.getByLabel("Repository").fill("acme/slugs");
    await page.getByRole("button", { name: "Model, limits and result" }).click();
    await page.getByLabel("Time for the whole run").fill("30");
    await page.getByRole("button", { name: "Launch", exact: true }).click();
    await page.waitForURL(/\/runs\/run_/);
    expect(backend.launched).toMatchObject([{ repository: "acme/slugs", limits: { timeSeconds: 1800 } }]);

    const [run] = backend.runs;
    if (run === undefined) throw new Error("no run was made");
    await page.getByText("Next in the queue.").waitFor();
    backend.patchRun(run.id, RUNNING);
    backend.say(run.id, [...firstPart(run.id), openCall()]);
    await page.getByText(/running npm test -- --watch=false/i).waitFor();
    await page.getByText("Running", { exact: true }).waitFor();
    backend.patchRun(run.id, ENDED);
    backend.say(run.id, lastPart());
    await page.getByText("Checks failed.", { exact: true }).waitFor();
    await page.getByText("Complete").waitFor();
    await expect.poll(() => page.title()).toBe("✗ Add a slugify function – run");
    expect(stage.offences).toEqual([]);
  });

  test("is deleted only after a question, which Esc answers with no", async () => {
    await using stage = await theatre.open({ path: "/tasks", prepare: (backend) => void sampleTask(backend, "Old one") });
    const { page, backend } = stage;
    await page.getByRole("button", { name: "Delete Old one" }).click();
    await page.getByRole("alertdialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("alertdialog").waitFor({ state: "detached" });
    expect(backend.tasks).toHaveLength(1);
    await page.getByRole("button", { name: "Delete Old one" }).click();
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    await page.getByText("No tasks yet").waitFor();
    await expect.poll(() => backend.tasks.length).toBe(0);
  });

  test("is launched from the list: the form is shown and ready to type", async () => {
    await using stage = await theatre.open({ path: "/tasks", width: 390, prepare: (backend) => void sampleTask(backend) });
    const { page } = stage;
    await page.getByRole("button", { name: "Launch Add a slugify function" }).click();
    await page.getByRole("dialog").getByLabel("Repository").waitFor();
    await page.keyboard.type("acme/typed");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/runs\/run_/);
    expect(stage.backend.launched).toMatchObject([{ repository: "acme/typed" }]);
  });

  test("tells of a change made elsewhere, and loses neither side", async () => {
    await using stage = await theatre.open({ prepare: (backend) => void sampleTask(backend) });
    const { page, backend } = stage;
    const id = backend.tasks[0]?.id;
    if (id === undefined) throw new Error("no task");
    await stage.go(`/tasks/${id}`);
    await page.getByLabel("Name").fill("Mine");
    await backend.context.tasks.update({ id, name: "Theirs" });
    await page.reload();
    await page.getByText("This task was saved elsewhere").waitFor();
    expect(await page.getByLabel("Name").inputValue()).toBe("Mine");
    await page.getByRole("button", { name: "Discard changes" }).click();
    await expect.poll(() => page.getByLabel("Name").inputValue()).toBe("Theirs");
  });
});

test("the demo is launched with one click", async () => {
  await using stage = await theatre.open({
    path: "/",
    prepare(backend) {
      const demo = sampleTask(backend, "Demo");
      sampleTask(backend, "Newer");
      backend.info = { ...backend.info, demo: true, demoRepository: "/var/lib/ccr/demo", demoTaskId: demo.id };
    },
  });
  await stage.page.getByRole("region", { name: "Demo mode" }).getByText("ANTHROPIC_API_KEY").waitFor();
  await stage.page.getByRole("button", { name: "Launch the demo" }).click();
  await stage.page.waitForURL(/\/runs\/run_/);
  expect(stage.backend.launched).toMatchObject([{ repository: "/var/lib/ccr/demo", taskId: stage.backend.tasks.at(-1)?.id }]);
});

test("a sandbox is removed after a question", async () => {
  await using stage = await theatre.open({
    path: "/instances",
    prepare: (backend) =>
      void backend.instances.push(newInstance(backend.addRun(sampleTask(backend), RUNNING).id, "executing", "1")),
  });
  const { page } = stage;
  await page.getByRole("button", { name: /Remove inst_/ }).click();
  await page.getByRole("button", { name: "Cancel the run and remove it" }).click();
  await page.getByText("No sandbox is open").waitFor();
  await page.getByRole("link", { name: "Stopped" }).click();
  await page.getByRole("link", { name: "Add a slugify function" }).waitFor();
});

describe("who is not logged in", () => {
  test("is asked for the token, told when it is wrong, and comes back to where they were", async () => {
    await using stage = await theatre.open();
    stage.server.requireLogin();
    await stage.go("/runs?status=failed");
    const { page } = stage;
    await page.getByLabel("Token").fill("wrong");
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByText("This is not the server's token").waitFor();
    await page.getByLabel("Token").fill(TOKEN);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByText("No run fits this filter").waitFor();
    expect(new URL(page.url()).search).toBe("?status=failed");
  });

  test("an open page of a run asks too, when the session ends", async () => {
    await using stage = await theatre.open();
    const run = stage.backend.addRun(sampleTask(stage.backend), RUNNING);
    await stage.go(`/runs/${run.id}`);
    await stage.page.getByText("Live", { exact: true }).waitFor();
    stage.server.requireLogin();
    stage.server.cut();
    await stage.page.getByRole("heading", { name: "Log in" }).waitFor();
  });
});

test("what is not there says so: pages, tasks and runs", async () => {
  await using stage = await theatre.open();
  for (const [path, what] of [
    ["/nowhere", "page"],
    ["/runs/run_9999999999", "run"],
    ["/runs/nonsense", "run"],
    ["/tasks/task_9999999999", "task"],
  ]) {
    await stage.go(path ?? "");
    await stage.page.getByText(`There is no such ${what}`).waitFor();
  }
});

test("the theme is chosen, kept over a reload, and the keyboard leads everywhere", async () => {
  await using stage = await theatre.open({ path: "/" });
  const { page } = stage;
  const scheme = () => page.evaluate(() => getComputedStyle(document.documentElement).colorScheme);
  expect(await scheme()).toBe("light dark");
  await page.getByRole("button", { name: /Change to light/ }).click();
  await page.getByRole("button", { name: /Change to dark/ }).click();
  await page.reload();
  expect(await scheme()).toBe("dark");
  await page.getByRole("heading", { name: "Home" }).waitFor();
  await page.keyboard.press("Tab");
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Skip to the page");
  await page.keyboard.press("g");
  await page.keyboard.press("t");
  await page.getByRole("heading", { name: "Tasks" }).waitFor();
  expect(stage.offences).toEqual([]);
});
