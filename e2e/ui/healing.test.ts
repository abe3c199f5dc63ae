import { cp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { EnvironmentId, Run, Task } from "@ccr/protocol";
import { createGitRepository, projectRoot, temporaryFolder, waitFor } from "@ccr/testkit";
import { startBrowser } from "@ccr/testkit/browser";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Visit, visit } from "../src/browser.ts";
import type { Server } from "../src/server.ts";
import { type Stack, startStack } from "../src/stack.ts";
import { startWire, type Wire } from "../src/wire.ts";

/** Waits for as long as it may, again and again, and costs next to nothing. */
const waits = {
  type: "tool_use",
  name: "Bash",
  input: { command: "echo I wait; until test -e /tmp/go-on; do sleep 0.5; done", description: "Wait" },
};
const STEPS = [{ instructions: "Wait.", checks: "" }];
const scenario = { name: "healing", rules: [{ turns: [{ blocks: [waits], repeat: 500 }] }] };

let browser: Browser;
let stack: Stack;
let server: Server;
let wire: Wire;
let repository: string;
/** The run whose page is looked at: it is at work all the time. */
let run: Run["id"];
/** What others save again and again. */
let kept: { task: Task["id"]; environment: EnvironmentId };

const launch = async (prompt: string) => (await server.client.runs.start.mutate({ prompt, repository })).id;
const atWork = (id: Run["id"]) =>
  waitFor(async () => (await server.client.runs.byId.query({ id })).status === "running", {
    what: "a run at work",
  });

beforeAll(async () => {
  [browser, stack] = await Promise.all([
    startBrowser(),
    startStack({ driver: "bubblewrap", scenario, environment: { CCR_MAX_CONCURRENT_RUNS: "2" } }),
  ]);
  server = stack.server;
  wire = await startWire(server.url);
  repository = (await createGitRepository({ path: `${stack.repositories}/a`, files: { "README.md": "# x\n" } })).path;
  const { tasks, environments } = server.client;
  const [task, environment] = await Promise.all([
    tasks.create.mutate({ name: "Kept", steps: STEPS }),
    environments.create.mutate({ name: "Place" }),
  ]);
  kept = { task: task.id, environment: environment.id };
  run = await launch("Be there all the time");
  await atWork(run);
});
afterAll(async () => {
  await browser?.close();
  await wire?.[Symbol.asyncDispose]();
  if (server !== stack?.server) await server?.[Symbol.asyncDispose]();
  await stack?.[Symbol.asyncDispose]();
});

const open = async (path: string): Promise<Visit> => {
  const opened = await visit(browser, { ...server, url: wire.url, loginLink: server.loginLink.replace(server.url, wire.url) });
  await opened.page.goto(`${wire.url}${path}`);
  return opened;
};

/** Makes room for another run at work. */
const endRun = async (name: string): Promise<void> => {
  const { runs } = await server.client.runs.page.query({ text: name });
  const ids = runs.flatMap(({ id, taskName }) => (taskName === name ? [id] : []));
  for (const id of ids) await server.client.runs.cancel.mutate({ id });
  for (const id of ids) await server.untilFinal(id);
};

/** Types a line into a shell of its own in the sandbox of the run. */
const inSandbox = async (line: string): Promise<void> => {
  const { shells } = server.client;
  const { id: shellId } = await shells.open.mutate({ runId: run, cols: 80, rows: 24 });
  await shells.input.mutate({ runId: run, shellId, writer: "0123456789abcdef", n: 1, text: `${line}; exit\n` });
  await waitFor(async () => (await shells.list.query({ runId: run })).every(({ outcome }) => outcome !== null), {
    what: "the shell to end",
  });
};

const banner = (page: Page) => page.getByText("The server cannot be reached.");

it("a server that is frozen is told of, at home and on a run's page, and both go on with it", async () => {
  await using home = await open("/");
  await using ofRun = await open(`/runs/${run}`);
  const live = ofRun.page.getByText("Live", { exact: true });
  await home.page.getByText("Be there all the time").first().waitFor();
  await live.waitFor();
  server.process.kill("SIGSTOP");
  try {
    await Promise.all([banner(home.page).waitFor(), banner(ofRun.page).waitFor()]);
    await live.waitFor({ state: "detached" });
    expect(await home.page.getByText(/Server away since/).count()).toBeGreaterThan(0);
  } finally {
    server.process.kill("SIGCONT");
  }
  await Promise.all([home, ofRun].map(({ page }) => banner(page).waitFor({ state: "detached" })));
  await live.waitFor();
  await server.client.runs.allowHost.mutate({ id: run, host: "after.example.com" });
  const later = await launch("After the frost");
  await ofRun.page.getByText("A person allowed this run to reach after.example.com").first().waitFor();
  await home.page.getByText("After the frost").first().waitFor();
  await server.client.runs.cancel.mutate({ id: later });
  expect([...home.offences, ...ofRun.offences]).toEqual([]);
});

/** Changes something that is told of at every address, and names it. */
const changeAll = async (n: number): Promise<void> => {
  const { client } = server;
  const { id: taskId } = await client.tasks.create.mutate({ name: `Task ${n}`, steps: STEPS });
  await client.tasks.update.mutate({ id: kept.task, name: `Kept ${n}`, steps: STEPS });
  await client.environments.update.mutate({ id: kept.environment, name: `Place ${n}` });
  await client.server.setBudgets.mutate({ dayUsd: 100 + n });
  const id = await launch(`Run ${n}`);
  await atWork(id);
  const batch = await client.batches.create.mutate({ name: `Batch ${n}`, taskId, repositories: [{ repository }], attempts: 1 });
  // Its run would take the place of the next one.
  await client.batches.pause.mutate({ id: batch.id });
  await inSandbox(`touch file-${n}.txt; curl -s http://host-${n}.example.com/`);
};

const shows = (name: string) => async (page: Page, n: number) => {
  await page.getByText(`${name} ${n}`, { exact: true }).first().waitFor();
};
type Address = { name: string; path: () => string; shows: (page: Page, n: number) => Promise<void> };
const ADDRESSES: readonly Address[] = [
  { name: "Home", path: () => "/", shows: shows("Run") },
  { name: "Runs", path: () => "/runs", shows: shows("Run") },
  { name: "Tasks", path: () => "/tasks", shows: shows("Task") },
  { name: "Instances", path: () => "/instances", shows: shows("Run") },
  { name: "Batches", path: () => "/batches", shows: shows("Batch") },
  { name: "Environments", path: () => "/environments", shows: shows("Place") },
  { name: "A task", path: () => `/tasks/${kept.task}`, shows: shows("Kept") },
  { name: "An environment", path: () => `/environments/${kept.environment}`, shows: shows("Place") },
  {
    name: "The history of a task",
    path: () => `/tasks/${kept.task}/history`,
    shows: (page, n) => page.getByRole("heading", { name: `Versions of “Kept ${n}”` }).waitFor(),
  },
  {
    name: "Budgets",
    path: () => "/settings/budgets",
    shows: (page, n) => page.getByText(`of $${100 + n}.00 spent today`, { exact: false }).waitFor(),
  },
  {
    name: "Changes",
    path: () => `/runs/${run}?tab=changes`,
    shows: async (page, n) => {
      // What somebody reads is not changed without being asked.
      if (n > 1) await page.getByRole("button", { name: "Show the newest" }).click();
      await page.getByText(`file-${n}.txt`).first().waitFor();
    },
  },
  {
    name: "Network",
    path: () => `/runs/${run}?tab=network`,
    shows: (page, n) => page.getByText(`host-${n}.example.com`).first().waitFor(),
  },
  {
    name: "Files",
    path: () => `/runs/${run}?tab=files`,
    shows: (page, n) => page.getByRole("treeitem", { name: `file-${n}.txt` }).waitFor(),
  },
];

it("every address shows what was changed while its connection was closed, its server killed, its tab asleep", {
  timeout: 300_000,
}, async () => {
  await using parts = new AsyncDisposableStack();
  const places = await Promise.all(
    ADDRESSES.map(async (address): Promise<Address & { page: Page }> => {
      const { page } = parts.use(await open(address.path()));
      await page.locator("[data-connection=live]").first().waitFor();
      await page.evaluate("window.ccrSame = true");
      return { ...address, page };
    }),
  );
  const allShow = (n: number, after: string) =>
    Promise.all(
      places.map(async ({ name, page, shows: showsIt }) => {
        await showsIt(page, n).catch((error: unknown) => {
          throw new Error(`${name} does not show what was changed ${after}`, { cause: error });
        });
        expect(await page.evaluate("window.ccrSame === true"), `${name} was not loaded anew`).toBe(true);
      }),
    );

  wire.closeStreams();
  await changeAll(1);
  await allShow(1, "while its connection was closed");

  server.process.kill("SIGKILL");
  await Promise.all(places.map(({ page }) => banner(page).waitFor()));
  server = await stack.restart();
  await endRun("Run 1");
  await changeAll(2);
  wire.connect(server.url);
  await allShow(2, "after its server was killed");

  const tabs = await Promise.all(places.map(({ page }) => page.context().newCDPSession(page)));
  const become = (state: "frozen" | "active") => Promise.all(tabs.map((tab) => tab.send("Page.setWebLifecycleState", { state })));
  await become("frozen");
  wire.goDeaf();
  await endRun("Run 2");
  await changeAll(3);
  await become("active");
  await allShow(3, "while its tab slept");
  for (const { page } of places) expect(await banner(page).count()).toBe(0);
});

it("the files of a run are followed while it goes on, and what one reads stays in its place", async () => {
  await inSandbox("for i in $(seq 100 180); do touch many-$i; done; seq 1000 > long.txt");
  await using opened = await open(`/runs/${run}?tab=files&file=long.txt`);
  const { page, offences } = opened;
  await page.getByText("1,000 lines").waitFor();
  const tree = page.getByRole("tree", { name: "Files of the workspace" });
  const text = page.getByRole("region", { name: "Content of long.txt" });
  const scrollTo = (place: typeof tree, top: number) => place.evaluate((element, to) => element.scrollTo(0, to), top);
  /** Where a row stands in the sight of whoever reads. */
  const placeIn = async (place: typeof tree, row: typeof tree) => {
    const [outer, inner] = [await place.boundingBox(), await row.boundingBox()];
    return Math.round((inner?.y ?? 0) - (outer?.y ?? 0));
  };
  const [entry, line] = [tree.getByText("many-140", { exact: true }), text.getByText("500", { exact: true }).last()];
  await scrollTo(tree, 26 * 40);
  await scrollTo(text, 20 * 490);
  await entry.waitFor();
  await line.waitFor();
  const places = async () => [await placeIn(tree, entry), await placeIn(text, line)];
  const before = await places();
  await inSandbox("seq 1001 1100 >> long.txt; touch among-the-first another");
  await page.getByText("1,100 lines").waitFor();
  await expect.poll(() => tree.evaluate((element) => element.scrollTop)).toBe(26 * 42);
  expect(await places()).toEqual(before);
  await inSandbox("rm long.txt");
  await page.getByText("This is how it was at").waitFor();
  await line.waitFor();
  expect(offences).toEqual([]);
});

/** Lays down the page as another build of it, whose files are called otherwise. */
const buildAnew = async (folder: string): Promise<void> => {
  await cp(join(projectRoot, "apps/frontend/dist"), folder, { recursive: true });
  const assets = join(folder, "assets");
  const isPacked = (name: string) => /\.(br|gz)$/.test(name);
  const all = [join(folder, "index.html"), ...(await readdir(assets)).map((name) => join(assets, name))];
  await Promise.all(
    [...all, join(folder, "index.html.br"), join(folder, "index.html.gz")].filter(isPacked).map((path) => rm(path)),
  );
  const newName = (name: string) => name.replace(/-([\w-]{8})\.(js|css)/g, "-$1-2.$2");
  for (const path of all.filter((name) => !isPacked(name))) {
    if (/\.(js|css|html)$/.test(path)) await writeFile(path, newName(await readFile(path, "utf8")));
    await rename(path, join(path, "..", newName(path.slice(path.lastIndexOf("/") + 1))));
  }
};

it.skipIf(process.getuid?.() !== 0)(
  "a deploy is told of, and the page goes on with the server that has another build",
  async () => {
    await using folder = await temporaryFolder();
    await buildAnew(folder.path);
    await using opened = await open("/");
    const { page } = opened;
    await page.getByText("Be there all the time").first().waitFor();
    await page.evaluate("window.ccrSame = true");
    const isSame = () => page.evaluate("window.ccrSame === true");
    await server.stop();
    server = await stack.restart({}, { uiFolder: folder.path });
    wire.connect(server.url);
    await page.getByText("The server was updated.").waitFor();
    await launch("After the deploy");
    await page.getByText("After the deploy").first().waitFor();
    // What the page had not fetched before is gone with the build before.
    await page.getByRole("link", { name: "Environments" }).first().click();
    await page.getByText("This part of the page could not be fetched").waitFor();
    expect(await isSame()).toBe(true);
    await page.getByRole("button", { name: "Reload the page" }).click();
    await page.getByRole("heading", { name: "Environments", level: 1 }).waitFor();
    expect(await isSame()).toBe(false);
    expect(await page.getByText("The server was updated.").count()).toBe(0);
  },
);
