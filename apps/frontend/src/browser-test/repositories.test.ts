import type { AdditionalRepository, Delivered, Run } from "@ccr/protocol";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MemoryBackend } from "./memory-backend.ts";
import { openTheatre, type Theatre } from "./stage.ts";

let theatre: Theatre;
beforeAll(async () => {
  theatre = await openTheatre();
});
afterAll(() => theatre[Symbol.asyncDispose]());

const BASE = "1f3c9ab0c4b2a76b9719d911017c592a1b2c3d40";
const HEAD = "5d41402abc4b2a76b9719d911017c592a1b2c3d4";
const task = (backend: MemoryBackend) =>
  backend.addTask({ name: "Mend it", steps: [{ instructions: "x", checks: "$ npm test" }] });

const delivered = (change: Partial<Delivered> = {}): Delivered => ({
  state: "delivered",
  branch: "claude/mend-it-1",
  commit: HEAD,
  isPushed: true,
  isFollowed: false,
  base: "main",
  pullRequest: null,
  notes: [],
  problem: null,
  tries: 1,
  at: "2026-11-22T20:01:00.000Z",
  ...change,
});
const other = (change: Partial<AdditionalRepository> = {}): AdditionalRepository => ({
  ...{ repository: "acme/web", ref: "dev", directory: "web", baseCommit: BASE, headCommit: HEAD, delivered: null },
  ...change,
});
/** A run of acme/api, and of what is beside it. */
const severalOf = (others: AdditionalRepository[], change: Partial<Run> = {}): Partial<Run> => ({
  ...{ repository: "acme/api", ref: "main", directory: "api", additionalRepositories: others },
  ...{ status: "succeeded", reason: "passed", sentence: "Every step finished and its checks passed." },
  ...{ baseCommit: BASE, headCommit: HEAD, startedAt: "2026-11-22T20:00:00.000Z", endedAt: "2026-11-22T20:01:00.000Z" },
  ...change,
});

const group = (page: Page, number: number) => page.getByRole("group", { name: `Repository ${number}`, exact: true });
const focused = (page: Page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    const near = element?.closest("fieldset")?.querySelector("legend")?.textContent ?? "";
    const label = element instanceof HTMLInputElement ? element.labels?.[0]?.textContent : element?.getAttribute("aria-label");
    return [near, label ?? element?.textContent?.trim()].filter((part) => part !== "").join(": ");
  });

describe("a launch on several repositories", () => {
  test("is filled in by keyboard, kept over a reload, and sent with its folders", async () => {
    await using stage = await theatre.open({ path: "/?launch=task", width: 360, prepare: (backend) => void task(backend) });
    const { page, backend } = stage;
    const add = page.getByRole("button", { name: "Add a repository" });
    await page.getByLabel("Repository", { exact: true }).fill("acme/api");
    expect(await page.getByLabel("Folder").count()).toBe(0);
    await add.press("Enter");
    expect(await focused(page)).toBe("Repository 2: Repository");
    await page.keyboard.type("other/api");
    expect(await page.getByLabel("Folder").count()).toBe(2);
    expect(await page.getByLabel("Folder").first().getAttribute("placeholder")).toBe("api");
    expect(await group(page, 2).getByLabel("Folder").getAttribute("placeholder")).toBe("api-2");
    await page.getByText("They are checked out side by side, each in a folder of the workspace").waitFor();
    await add.press("Enter");
    await page.keyboard.type("acme/web");
    await page.keyboard.press("Tab");
    await page.keyboard.type("dev");
    await page.keyboard.press("Tab");
    await page.keyboard.type("site");
    await page.getByLabel("Folder").first().fill("mine");
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBe(0);
    await page.reload();
    expect(await group(page, 3).getByLabel("Branch, tag or commit").inputValue()).toBe("dev");
    await page.getByRole("button", { name: "Launch", exact: true }).click();
    await page.waitForURL(/\/runs\/run_/);
    expect(backend.launched).toMatchObject([
      {
        ...{ repository: "acme/api", directory: "mine" },
        additionalRepositories: [{ repository: "other/api" }, { repository: "acme/web", ref: "dev", directory: "site" }],
      },
    ]);
    expect(stage.offences).toEqual([]);
  });

  test("loses those that are removed, and the focus stays near", async () => {
    await using stage = await theatre.open({ path: "/?launch=task", prepare: (backend) => void task(backend) });
    const { page, backend } = stage;
    const add = page.getByRole("button", { name: "Add a repository" });
    await page.getByLabel("Repository", { exact: true }).fill("acme/api");
    for (const repository of ["acme/one", "acme/two", "acme/three"]) {
      await add.press("Enter");
      await page.keyboard.type(repository);
    }
    await page.getByRole("button", { name: "Remove repository 3" }).press("Enter");
    expect(await focused(page)).toBe("Repository 3: Remove repository 3");
    expect(await group(page, 3).getByLabel("Repository", { exact: true }).inputValue()).toBe("acme/three");
    await page.getByText("Repository 3 removed; 3 repositories left").waitFor();
    await page.keyboard.press("Enter");
    expect(await focused(page)).toBe("Repository 2: Remove repository 2");
    await page.keyboard.press("Enter");
    expect(await focused(page)).toBe("Add a repository");
    expect(await page.getByLabel("Folder").count()).toBe(0);
    await page.getByRole("button", { name: "Launch", exact: true }).click();
    await page.waitForURL(/\/runs\/run_/);
    expect(Object.keys(backend.launched[0] ?? {}).sort()).toEqual([
      "asks",
      "idempotencyKey",
      "permissionMode",
      "repository",
      "taskId",
    ]);
  });

  test("has at most ten of them", async () => {
    await using stage = await theatre.open({ path: "/?launch=task", prepare: (backend) => void task(backend) });
    const { page } = stage;
    const add = page.getByRole("button", { name: "Add a repository" });
    for (let number = 2; number <= 10; number++) await add.press("Enter");
    await page.getByText("A run has at most 10 repositories.").waitFor();
    expect(await add.isDisabled()).toBe(true);
    expect(await focused(page)).toBe("Repository 10: Repository");
    await page.getByRole("button", { name: "Remove repository 4" }).click();
    expect(await add.isDisabled()).toBe(false);
  });

  test("is told what is wrong at its field once that is left, and not what is mended", async () => {
    await using stage = await theatre.open({ path: "/?launch=task", prepare: (backend) => void task(backend) });
    const { page, backend } = stage;
    const twice = page.getByText("'acme/api' is named twice; name each repository once");
    const plain = page.getByText("The folder must be a plain name");
    const both = page.getByText("Two repositories cannot both be in the folder 'mine'");
    await page.getByLabel("Repository", { exact: true }).fill("acme/api");
    await page.getByRole("button", { name: "Add a repository" }).press("Enter");
    await page.keyboard.type("acme/api");
    expect(await twice.count()).toBe(0);
    await page.keyboard.press("Tab");
    await group(page, 2).filter({ has: twice }).waitFor();
    await group(page, 2).getByLabel("Repository", { exact: true }).fill("acme/api-docs");
    expect(await twice.count()).toBe(0);

    await page.getByLabel("Folder").first().fill("mine");
    await group(page, 2).getByLabel("Folder").fill("a b");
    await page.keyboard.press("Tab");
    await group(page, 2).filter({ has: plain }).waitFor();
    await group(page, 2).getByLabel("Folder").fill("mine");
    await group(page, 2).filter({ has: both }).waitFor();
    await page.getByRole("button", { name: "Launch", exact: true }).click();
    expect(await focused(page)).toBe("Repository 2: Folder");
    await group(page, 2).getByLabel("Folder").fill("");

    await page.getByRole("button", { name: "Add a repository" }).press("Enter");
    await page.keyboard.press("Tab");
    const empty = page.getByText("The repository is empty: give owner/name");
    expect(await empty.count()).toBe(0);
    await page.getByRole("button", { name: "Launch", exact: true }).click();
    await group(page, 3).filter({ has: empty }).waitFor();
    expect(await focused(page)).toBe("Repository 3: Repository");
    expect(backend.launched).toEqual([]);
  });

  test("shows at its field what the server refuses", async () => {
    await using stage = await theatre.open({ path: "/?launch=task", prepare: (backend) => void task(backend) });
    const { page, backend } = stage;
    const told = group(page, 2).getByRole("alert");
    await page.getByLabel("Repository", { exact: true }).fill("acme/api");
    await page.getByRole("button", { name: "Add a repository" }).press("Enter");
    await page.keyboard.type("acme/refused");
    await page.getByRole("button", { name: "Launch", exact: true }).click();
    await told.filter({ hasText: "this repository is not taken." }).waitFor();
    expect(await focused(page)).toBe("Repository 2: Repository");
    // What is no address is told before anybody is asked, once the field is left.
    await page.keyboard.press("ControlOrMeta+a");
    await page.keyboard.type("file:///etc");
    await page.keyboard.press("Tab");
    await told.filter({ hasText: "'file://' addresses are not taken" }).waitFor();
    await page.getByRole("button", { name: "Launch", exact: true }).click();
    expect(await focused(page)).toBe("Repository 2: Repository");
    expect(backend.launched).toEqual([]);
  });

  test("is none of several at once", async () => {
    await using stage = await theatre.open({ path: "/?launch=task", prepare: (backend) => void task(backend) });
    const { page, backend } = stage;
    await page.getByLabel("Repository", { exact: true }).fill("acme/api");
    await page.getByRole("button", { name: "Add a repository" }).press("Enter");
    await page.keyboard.type("acme/web");
    await page.getByRole("button", { name: "Several at once" }).click();
    await page.getByLabel("Runs for each of them").fill("2");
    await page.getByRole("button", { name: "Launch 2 runs" }).click();
    await group(page, 2).getByText("Several at once have one repository each").waitFor();
    expect(backend.batches.launched).toEqual([]);
    await page.getByRole("button", { name: "Remove repository 2" }).click();
    await page.getByRole("button", { name: "Launch 2 runs" }).click();
    await page.waitForURL(/\/batches\//);
    expect(backend.batches.launched).toMatchObject([{ repositories: [{ repository: "acme/api" }], attempts: 2 }]);
  });

  test("is done again with all of them", async () => {
    await using stage = await theatre.open();
    const { page, backend } = stage;
    const run = backend.addRun(task(backend), severalOf([other({ directory: "site" })]));
    await stage.go(`/runs/${run.id}`);
    await page.getByRole("link", { name: "Launch again" }).click();
    expect(await group(page, 2).getByLabel("Folder").inputValue()).toBe("site");
    await page.getByRole("button", { name: "Launch", exact: true }).click();
    await page.waitForURL((url) => /\/runs\/run_/.test(url.pathname) && !url.pathname.endsWith(run.id));
    expect(backend.launched).toMatchObject([
      {
        ...{ repository: "acme/api", ref: "main", directory: "api" },
        additionalRepositories: [{ repository: "acme/web", ref: "dev", directory: "site" }],
      },
    ]);
  });
});

test("a list tells of the first repository and how many others there are, and the run's page of all", async () => {
  await using stage = await theatre.open({ width: 360 });
  const { page, backend } = stage;
  const mine = task(backend);
  backend.addRun(mine);
  const run = backend.addRun(mine, severalOf([other(), other({ repository: "acme/docs", ref: null, directory: "docs" })]));
  await stage.go("/runs");
  const row = page.getByRole("listitem").filter({ hasText: "acme/api@main" });
  await row.getByText("+ 2 more", { exact: true }).waitFor();
  expect(await row.getByRole("link").getAttribute("title")).toBe("Repositories: acme/api@main, acme/web@dev, acme/docs");
  expect(await page.getByText(/^\+ \d+ more$/).count()).toBe(1);

  await stage.go(`/runs/${run.id}`);
  const listed = page.getByRole("region", { name: "Repositories" }).getByRole("listitem");
  await page.getByRole("button", { name: "Details", expanded: false }).click();
  await listed.first().waitFor();
  expect(await listed.allTextContents()).toEqual([
    "api/acme/api@main1f3c9ab0",
    "web/acme/web@dev1f3c9ab0",
    "docs/acme/docs1f3c9ab0",
  ]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBe(0);
});

describe("the result of several repositories", () => {
  test("is told of each, and pushed again with one action for all", async () => {
    await using stage = await theatre.open();
    const { page, backend } = stage;
    const failed = delivered({ state: "failed", isPushed: false, problem: "The branch is protected." });
    const run = backend.addRun(
      task(backend),
      severalOf(
        [
          other({ headCommit: BASE }),
          other({ repository: "acme/docs", directory: "docs", delivered: failed }),
          other({ repository: "acme/cli", directory: "cli", delivered: delivered({ notes: ["There is no user 'grace'."] }) }),
        ],
        { delivered: delivered({ pullRequest: { number: 41, url: "https://host.test/acme/api/pull/41" } }) },
      ),
    );
    await stage.go(`/runs/${run.id}`);
    const parts = page.getByRole("list", { name: "By repository" }).getByRole("listitem");
    await parts.first().waitFor();
    expect(await parts.allTextContents()).toEqual([
      "apiDeliveredclaude/mend-it-1 Pull request 41",
      "webNothing was changed here.",
      "docsFailedThe branch is protected.",
      "cliDeliveredclaude/mend-it-1There is no user 'grace'.",
    ]);
    expect(await parts.getByRole("link").getAttribute("href")).toBe("https://host.test/acme/api/pull/41");

    await page.getByRole("button", { name: "Push again" }).click();
    await page.getByText("acme/api@main, acme/web@dev, acme/docs@dev, acme/cli@dev.").waitFor();
    await page.getByLabel("What to do").selectOption("Push a branch and open a pull request");
    await page.getByRole("button", { name: "Push", exact: true }).click();
    await parts.filter({ hasText: "docs" }).getByRole("link", { name: "Pull request 9" }).waitFor();
    expect(await parts.filter({ hasText: "web" }).textContent()).toBe("webNothing was changed here.");
    expect(backend.pushed).toMatchObject([{ to: "pull_request" }]);
  });

  test("that is of one beside the first is a result, too", async () => {
    await using stage = await theatre.open();
    const { page, backend } = stage;
    const run = backend.addRun(
      task(backend),
      severalOf([other({ delivered: delivered({ state: "pushing", isPushed: false }) })], { status: "running", reason: null }),
    );
    await stage.go(`/runs/${run.id}`);
    const parts = page.getByRole("list", { name: "By repository" }).getByRole("listitem");
    await parts.first().waitFor();
    expect(await parts.allTextContents()).toEqual(["apiNot pushed yet", "webPushing"]);
    backend.patchRun(run.id, severalOf([other({ delivered: delivered({ state: "failed", isPushed: false }) })]));
    await page.getByText("Nothing was pushed").waitFor();
    backend.patchRun(run.id, severalOf([other({ delivered: null })]));
    await page.reload();
    await page.getByRole("button", { name: "Push the result" }).waitFor();
    expect(await parts.count()).toBe(0);
  });

  test("is taken away as one patch and a bundle each, its files listed by repository", async () => {
    await using stage = await theatre.open();
    const { page, backend } = stage;
    const mine = task(backend);
    const [alone, several] = [
      backend.addRun(mine, severalOf([], { directory: null })),
      backend.addRun(mine, severalOf([other()])),
    ];
    const patch = ["api/src/x.ts", "web/src/x.ts"]
      .map((path) => `diff --git a/${path} b/${path}\n--- a/${path}\n+++ b/${path}\n@@ -1 +1 @@\n-old\n+new of ${path}\n`)
      .join("");
    const files = ["api/src/x.ts", "web/src/x.ts"].map((path) => ({
      ...{ path, oldPath: null, status: "modified" as const, additions: 1, deletions: 1 },
    }));
    for (const { id } of [alone, several])
      backend.setDiff(id, { baseCommit: BASE, headCommit: HEAD, files, patch, truncated: false });
    const kept = page.getByRole("navigation", { name: "Kept work" });
    const links = () => kept.getByRole("link").evaluateAll((all) => all.map((link) => link.getAttribute("href")));
    const sideBySide = kept.getByText("in the folder that has the repositories side by side");

    await stage.go(`/runs/${several.id}?tab=changes`);
    await sideBySide.waitFor();
    expect(await links()).toEqual([
      `/runs/${several.id}/work.patch`,
      `/runs/${several.id}/work.bundle?directory=api`,
      `/runs/${several.id}/work.bundle?directory=web`,
      `/runs/${several.id}/conversation.jsonl`,
    ]);
    const changed = page.getByRole("navigation", { name: "Changed files" });
    expect(await changed.getByRole("heading").allTextContents()).toEqual(["api", "web"]);
    await changed.getByRole("tree", { name: "web" }).getByTitle("web/src/x.ts").click();
    await page.getByText("new of web/src/x.ts", { exact: true }).waitFor();

    await stage.go(`/runs/${alone.id}?tab=changes`);
    await kept.waitFor();
    expect(await links()).toContain(`/runs/${alone.id}/work.bundle`);
    expect([await sideBySide.count(), await changed.getByRole("heading").count()]).toEqual([0, 0]);
  });
});
