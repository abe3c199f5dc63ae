import { afterAll, beforeAll, expect, test } from "vitest";
import { openTheatre, type Theatre } from "./stage.ts";

let theatre: Theatre;
beforeAll(async () => {
  theatre = await openTheatre();
});
afterAll(() => theatre[Symbol.asyncDispose]());

test("a day's budget is set, holds back runs, leads from where they wait to where it is raised, and is taken away", async () => {
  await using stage = await theatre.open({
    path: "/settings/budgets",
    width: 360,
    prepare: (backend) => {
      backend.overview.spentUsd = 19.5;
      backend.addRun(backend.addTask({ name: "Mend it", steps: [{ instructions: "Mend it.", checks: "" }] }));
    },
  });
  const { page, backend } = stage;
  const section = page.getByRole("region", { name: "Budget of a day" });
  const amount = section.getByLabel("US dollars a day");
  const save = section.getByRole("button", { name: "Save" });
  await section.getByText("$19.50 spent today, without a ceiling").waitFor();
  expect(await save.isDisabled()).toBe(true);
  await amount.fill("much");
  await save.click();
  await section.getByText("Give an amount from 0.01 to 100,000 US dollars").waitFor();

  // Shown at once, and taken back when the server does not take it; what was typed stays.
  const held = Promise.withResolvers<void>();
  await page.route("**/trpc/server.setBudgets*", async (route) => {
    await held.promise;
    await route.abort();
  });
  await section.getByLabel("A day begins").selectOption("UTC");
  await amount.fill("19");
  await amount.press("Enter");
  await section.getByText("$19.50 of $19.00 spent today: runs wait").waitFor();
  held.resolve();
  await section.getByText("$19.50 spent today, without a ceiling").waitFor();
  expect(await amount.inputValue()).toBe("19");
  await page.unroute("**/trpc/server.setBudgets*");
  await amount.press("Enter");
  await section.getByText("$19.50 of $19.00 spent today: runs wait").waitFor();
  await expect.poll(() => backend.overview.today()).toMatchObject({ dayUsd: 19, zone: "UTC" });
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)).toBe(true);

  await stage.go("/");
  const why = "the day's budget of $19 is used up; it goes on at 00:00 UTC or when the budget is raised.";
  const needs = page.getByRole("region", { name: "Needs you" });
  await needs.getByText(`A queued run waits: ${why}`).waitFor();
  await page.getByRole("link", { name: "Mend it" }).click();
  await page.getByRole("status").getByText(`Next in the queue: ${why}`).waitFor();
  await page.goBack();
  await needs.getByRole("link", { name: "Raise the budget" }).click();
  await amount.fill("30");
  await save.click();
  await section.getByText("$19.50 of $30.00 spent today").waitFor();
  await section.getByRole("button", { name: "Remove" }).click();
  await section.getByText("$19.50 spent today, without a ceiling").waitFor();
  await expect.poll(() => backend.overview.today().dayUsd).toBeNull();
  // The request that was to fail did.
  expect(stage.offences.filter((text) => !text.includes("ERR_FAILED"))).toEqual([]);
});
