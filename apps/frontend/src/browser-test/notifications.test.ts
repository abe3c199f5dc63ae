import { afterAll, beforeAll, expect, test } from "vitest";
import type { MemoryBackend } from "./memory-backend.ts";
import { openTheatre, type Stage, type Theatre } from "./stage.ts";

let theatre: Theatre;
beforeAll(async () => {
  theatre = await openTheatre();
});
afterAll(() => theatre[Symbol.asyncDispose]());

const addWaiting = (backend: MemoryBackend, name: string) =>
  backend.addRun(backend.addTask({ name, steps: [{ instructions: "Do it.", checks: "" }] }), { status: "waiting" });

/** The settings in a browser as on a phone, where the page itself shows none; nobody looks at it. */
const openOnPhone = async ({ page, server }: Stage): Promise<void> => {
  await page.context().grantPermissions(["notifications"], { origin: server.url });
  await page.addInitScript(() => {
    const { prototype } = ServiceWorkerRegistration;
    const { showNotification } = prototype;
    const shown: string[] = [];
    Object.assign(window, { ccrShown: shown, ccrBroken: false });
    prototype.showNotification = function (title, options) {
      if (Reflect.get(window, "ccrBroken") === true) return Promise.reject(new TypeError("none"));
      shown.push(`${title} ${options?.tag}`);
      return showNotification.call(this, title, options);
    };
    class Illegal {
      static readonly permission = "granted";
      constructor() {
        throw new TypeError("Illegal constructor. Use ServiceWorkerRegistration.showNotification() instead.");
      }
    }
    Object.assign(window, { Notification: Illegal });
    document.hasFocus = () => false;
    localStorage.setItem("ccr.notifications", '{"desktop":true,"needsYou":true,"endedBadly":true,"endedWell":false}');
  });
  // How things stand at first is no news.
  await Promise.all([page.waitForResponse(/runs\.overview/), page.goto(`${server.url}/settings/notifications`)]);
};

test("a phone is told by the page's worker, of all there is, and a click leads to the run", async () => {
  await using stage = await theatre.open();
  const { page, backend } = stage;
  await openOnPhone(stage);
  const shown = (): Promise<string[]> => page.evaluate("ccrShown");
  await page.getByRole("button", { name: "Show one" }).click();
  await expect.poll(shown).toEqual(["claude-code-runner test"]);
  const runs = [addWaiting(backend, "First"), addWaiting(backend, "Second")];
  await expect.poll(shown).toHaveLength(3);
  expect((await shown()).slice(1).toSorted()).toEqual(runs.map(({ id, taskName }) => `Needs you: ${taskName} waiting ${id}`));

  const [worker] = page.context().serviceWorkers();
  // What was asked for is there a moment later.
  const titles = () => worker?.evaluate("registration.getNotifications().then((all) => all.map(({ title }) => title))");
  await expect.poll(titles).toContain("Needs you: First");
  // Nobody can click outside of the page here: the worker is told so, as by the browser, which then lets it bring a tab to the front.
  await worker?.evaluate(`(async () => {
    WindowClient.prototype.focus = async function () { return this; };
    const notification = (await registration.getNotifications()).find(({ title }) => title === "Needs you: First");
    dispatchEvent(new NotificationEvent("notificationclick", { notification }));
  })()`);
  await page.waitForURL(new RegExp(`/runs/${runs[0]?.id}$`));
  expect(stage.offences).toEqual([]);
});

test("what cannot be shown is told in the page, counts as told by no tab, and takes nothing along", async () => {
  await using stage = await theatre.open();
  const { page, backend } = stage;
  await openOnPhone(stage);
  await page.getByRole("button", { name: "Show one" }).waitFor();
  await page.evaluate("void (ccrBroken = true)");
  await page.getByRole("button", { name: "Show one" }).click();
  await page.getByText("This browser did not show a notification.", { exact: false }).first().waitFor();
  addWaiting(backend, "First");
  addWaiting(backend, "Second");
  await page
    .getByText(/^Needs you: First\./)
    .first()
    .waitFor();
  await page
    .getByText(/^Needs you: Second\./)
    .first()
    .waitFor();
  expect(await page.evaluate(() => localStorage.getItem("ccr.told"))).toBe("{}");
  expect(stage.offences).toEqual([]);
});

test("where there is no way to show any, none are offered, and it is said why", async () => {
  await using stage = await theatre.open();
  const { page } = stage;
  await page.addInitScript(() => Reflect.deleteProperty(window, "Notification"));
  await stage.go("/settings/notifications");
  await page.getByText("This browser shows no notifications of pages", { exact: false }).waitFor();
  expect(await page.getByLabel("Also outside of the page").count()).toBe(0);
  expect(stage.offences).toEqual([]);
});
