import { mkdir } from "node:fs/promises";
import { CreateEnvironmentInput, RunId } from "@ccr/protocol";
import { waitFor } from "@ccr/testkit";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { MemoryBackend } from "./memory-backend.ts";
import { we } from "./said.ts";
import { openTheatre, type Theatre } from "./stage.ts";

let theatre: Theatre;
beforeAll(async () => {
  theatre = await openTheatre();
});
afterAll(() => theatre[Symbol.asyncDispose]());

const add = (backend: MemoryBackend, input: { name: string; setup?: { script: string } }) =>
  backend.environments.rooms.create(CreateEnvironmentInput.parse(input));

/** For a look at it while working: pictures of the pages, where CCR_TEST_PICTURES says. */
const picture = async (page: Page, name: string): Promise<void> => {
  const folder = process.env.CCR_TEST_PICTURES;
  if (folder === undefined) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
};

test("an environment is written, refused where it is wrong, saved, given a secret that is not shown again, and set up anew", async () => {
  await using stage = await theatre.open({ path: "/environments" });
  const { page, backend } = stage;
  const { environments } = backend;
  await page.getByText("No environments yet").waitFor();
  await page.getByRole("link", { name: "New environment" }).first().click();
  await page.getByText("On this server: packages.example.org.").waitFor();
  await page.getByRole("button", { name: "Create the environment" }).click();
  await page.getByText("The name is empty").waitFor();
  await page.getByLabel("Name", { exact: true }).fill("Node");
  await page.getByLabel("Image").selectOption("named");
  await page.getByLabel("Its name").fill("node:24-bookworm");
  await page.getByLabel("Script").fill("npm ci\nnpm run build");
  await page.getByLabel("Further hosts").fill("not a host");
  await page.getByLabel("Variables").fill("CI=1");
  await page.getByLabel("Other hosts for Claude Code").fill("docs.example.org\nlocalhost");
  await page.getByRole("button", { name: "Create the environment" }).click();
  await page.getByText("Is not a host name").waitFor();
  await page.getByText("localhost is a name of a private network").waitFor();
  await page.getByLabel("Other hosts for Claude Code").fill("docs.example.org");
  await page.getByLabel("Further hosts").fill("cdn.example.org:8443");
  await picture(page, "new");
  await page.getByRole("button", { name: "Create the environment" }).click();
  await page.getByRole("heading", { name: "Node" }).waitFor();
  expect(environments.all[0]).toMatchObject({
    name: "Node",
    image: { kind: "named", name: "node:24-bookworm" },
    setup: { script: "npm ci\nnpm run build", network: "packages", allowedHosts: [{ host: "cdn.example.org", ports: [8443] }] },
    ...{ network: "none", allowedHosts: [{ host: "docs.example.org", ports: [443] }] },
    variables: { CI: "1" },
  });

  await page.getByLabel("Name of the variable").fill("TOKEN");
  await page.getByLabel("Value").fill("short");
  await page.getByRole("button", { name: "Keep the secret" }).click();
  await page.getByText("A secret has at least 8 characters").waitFor();
  await page.getByLabel("Value").fill("a-long-secret-value");
  await page.getByRole("button", { name: "Keep the secret" }).click();
  await page.getByText("TOKEN is kept.").first().waitFor();
  expect(environments.given).toMatchObject([{ secrets: { TOKEN: "a-long-secret-value" } }]);
  expect(await page.content()).not.toContain("a-long-secret-value");
  expect(await page.evaluate(() => JSON.stringify(sessionStorage))).not.toContain("a-long-secret-value");
  await page.getByLabel("Use it for every run against").fill("acme/slugs");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByText("acme/slugs").waitFor();
  await picture(page, "edit");
  await page.getByRole("button", { name: "Set up anew" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Set up anew" }).click();
  await page.getByText("The next run sets it up anew.").first().waitFor();
  expect(environments.rebuilt).toHaveLength(1);
  await page.getByRole("button", { name: "Remove TOKEN" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Remove" }).click();
  await waitFor(() => environments.all[0]?.secretNames.length === 0, { what: "the secret to be removed" });
  await page.getByRole("link", { name: "All environments" }).click();
  await page.getByText("That of acme/slugs").waitFor();
  await picture(page, "list");
  await page.setViewportSize({ width: 390, height: 800 });
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  await picture(page, "phone");
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.getByText("Node", { exact: true }).click();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("No environments yet").waitFor();
  expect(stage.offences).toEqual([]);
});

test("a task and a launch choose an environment, and the run names it", async () => {
  await using stage = await theatre.open();
  const { page, backend } = stage;
  const node = await add(backend, { name: "Node", setup: { script: "npm ci" } });
  await add(backend, { name: "Rust" });
  const task = backend.addTask({ name: "Fix it", steps: [{ instructions: "Fix it.", checks: "" }] });
  await stage.go(`/tasks/${task.id}`);
  const [ofTask, ofLaunch] = [page.getByLabel("Environment").first(), page.getByLabel("Environment").last()];
  await ofTask.selectOption({ label: "Rust" });
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("Saved.").first().waitFor();
  expect(backend.tasks[0]?.environmentId).toBe(backend.environments.all[0]?.id);
  await ofLaunch.selectOption({ label: "Node" });
  await page.getByLabel("Repository").fill("acme/slugs");
  await picture(page, "task");
  await page.getByRole("button", { name: "Launch" }).click();
  await waitFor(() => backend.launched.length === 1, { what: "the launch" });
  expect(backend.launched[0]).toMatchObject({ environmentId: node.id });
  expect(stage.offences).toEqual([]);
});

test("what Claude Code may reach is chosen in environment, task and launch, and the run's page tells which it was", async () => {
  await using stage = await theatre.open();
  const { page, backend } = stage;
  const { id } = await add(backend, { name: "Node" });
  await stage.go(`/environments/${id}`);
  await page.getByLabel("Claude Code may reach").selectOption("Hosts of packages");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("Saved.").first().waitFor();
  expect(backend.environments.all[0]).toMatchObject({ network: "packages", setup: null, version: 2 });
  const task = backend.addTask({ name: "Fix it", steps: [{ instructions: "Fix it.", checks: "" }] });
  await stage.go(`/tasks/${task.id}`);
  await page.getByRole("button", { name: "Usual repository, model, network and limits" }).click();
  await page.getByLabel("Usual network").selectOption("Hosts of packages");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("Saved.").first().waitFor();
  expect(backend.tasks[0]?.defaults).toMatchObject({ network: "packages" });
  await page.getByRole("button", { name: "Model, limits and result" }).click();
  const ofLaunch = page.getByLabel("What it may reach");
  await ofLaunch.getByText("Hosts of packages, as the task says").waitFor({ state: "attached" });
  await ofLaunch.selectOption("Nothing");
  await page.getByLabel("Repository", { exact: true }).fill("acme/slugs");
  await picture(page, "network");
  await page.getByRole("button", { name: "Launch" }).click();
  await page.waitForURL(/\/runs\/run_/);
  expect(backend.launched[0]).toMatchObject({ network: "none" });
  const run = backend.runs[0];
  if (run === undefined) throw new Error("there is no run");
  await stage.go(`/runs/${run.id}?tab=network`);
  await page.getByText("Network preset: nothing, as its launch says").waitFor();
  // The launch that does it once more begins with the same.
  backend.patchRun(run.id, { status: "failed", reason: "check_failed", sentence: "A check did not pass." });
  await stage.go(`/runs/${run.id}`);
  await page.getByRole("link", { name: "Launch again" }).first().click();
  await page.getByRole("button", { name: "Launch", exact: true }).waitFor();
  expect(await page.getByLabel("What it may reach").inputValue()).toBe("none");
  expect(stage.offences).toEqual([]);
});

test("of two people who save an environment none overwrites the other unseen, and lists show what others did", async () => {
  await using stage = await theatre.open();
  const { page, backend } = stage;
  const { rooms, all } = backend.environments;
  const { id } = await add(backend, { name: "Node" });
  await stage.go(`/environments/${id}`);
  await page.getByLabel("Variables").fill("MINE=1");
  await rooms.update({ id, name: "Theirs", network: "packages" });
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("This environment was saved elsewhere").waitFor();
  await page.getByText("Yours and theirs differ in: name, what Claude Code may reach, variables.").waitFor();
  expect(all[0]).toMatchObject({ name: "Theirs", variables: {}, version: 2 });
  // Saving is a choice of its own now.
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("Choose which of both is to be kept.").first().waitFor();
  expect(all[0]).toMatchObject({ version: 2 });
  await picture(page, "conflict");
  await page.getByRole("button", { name: "Save mine in its place" }).click();
  await expect.poll(() => all[0]).toMatchObject({ name: "Node", network: "none", variables: { MINE: "1" }, version: 3 });
  // Nothing was being written: theirs is shown as soon as the page looks.
  await rooms.update({ id, name: "Theirs again" });
  await page.getByRole("heading", { name: "Theirs again" }).waitFor();
  await page.getByLabel("Variables").fill("MINE=2");
  await rooms.update({ id, name: "Theirs at last" });
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByRole("button", { name: "Discard mine, take theirs" }).click();
  await page.getByText("This environment was saved elsewhere").waitFor({ state: "detached" });
  expect(await page.getByLabel("Name", { exact: true }).inputValue()).toBe("Theirs at last");
  expect(await page.getByLabel("Variables").inputValue()).toBe("MINE=1");
  await page.getByRole("link", { name: "All environments" }).click();
  await page.getByRole("link", { name: "Theirs at last" }).waitFor();
  await add(backend, { name: "Another" });
  await page.getByRole("link", { name: "Another" }).waitFor();
  expect(stage.offences).toEqual([]);
});

test("what a set-up prints is seen while it runs, and folded away when it has worked", async () => {
  await using stage = await theatre.open();
  const { page, backend } = stage;
  const { version: _v, createdAt: _, updatedAt: __, missingSecrets: ___, ...environment } = await add(backend, { name: "Node" });
  const task = backend.addTask({ name: "Fix it", steps: [{ instructions: "Fix it.", checks: "" }] });
  const run = backend.addRun(task, { status: "starting", environment });
  const id = RunId.parse(run.id);
  const stageIs = (state: "started" | "progress" | "finished" | "failed", text: string) =>
    we({ type: "stage", stage: "setup", state, text });
  backend.say(id, [
    stageIs("started", "Setting up Node."),
    stageIs("progress", "Nothing is kept of it yet; running its script."),
    we({ type: "setup_output", text: "\u001b[32madded 12 packages\u001b[0m\nbuild" }),
  ]);
  await stage.go(`/runs/${id}`);
  await page.getByText("added 12 packages").waitFor();
  backend.say(id, [we({ type: "setup_output", text: "ing <b>all</b>\n" })]);
  await page.getByText("building <b>all</b>").waitFor();
  await page.getByRole("link", { name: "Node" }).waitFor();
  await picture(page, "running");
  backend.say(id, [stageIs("finished", "Node is set up; what that left is kept for later runs.")]);
  await page.getByText("Node is set up; what that left is kept for later runs.").waitFor();
  await page.getByText("added 12 packages").waitFor({ state: "hidden" });

  const failing = backend.addRun(task, { status: "starting", environment });
  const sentence = "The environment could not be set up. The script of Node exited with code 3.";
  backend.say(failing.id, [
    stageIs("started", "Setting up Node."),
    we({ type: "setup_output", text: "npm error 404\n" }),
    stageIs("failed", sentence),
    we({ type: "status", status: "errored", reason: "setup_failed", sentence }),
  ]);
  backend.patchRun(failing.id, { status: "errored", reason: "setup_failed", sentence });
  await stage.go(`/runs/${failing.id}`);
  await page.getByText("npm error 404").waitFor();
  await page.getByText("Look at what its set-up printed").first().waitFor();
  await picture(page, "failed");
  expect(stage.offences).toEqual([]);
});
