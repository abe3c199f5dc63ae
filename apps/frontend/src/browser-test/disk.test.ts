import { afterAll, beforeAll, expect, test } from "vitest";
import type { MemoryBackend } from "./memory-backend.ts";
import { openTheatre, type Theatre } from "./stage.ts";

let theatre: Theatre;
beforeAll(async () => {
  theatre = await openTheatre();
});
afterAll(() => theatre[Symbol.asyncDispose]());

const GIB = 1024 ** 3;
const LACK = "The disk of the data folder has 512 MiB left, and 1,024 MiB are wanted for another run: make room on it.";

const nearlyFull = (backend: MemoryBackend): void => {
  backend.disk = {
    ...backend.disk,
    places: [
      { name: "data", freeBytes: GIB / 2, totalBytes: 100 * GIB },
      { name: "docker", freeBytes: 70 * GIB, totalBytes: 100 * GIB },
    ],
    lack: LACK,
    mirrors: {
      count: 23,
      bytes: 3 * GIB,
      items: [
        { name: "acme-slugs-0123.git", bytes: 2 * GIB, since: null, inUse: true, removableAt: null },
        { name: "acme-rockets-4567.git", bytes: GIB, since: null, inUse: false, removableAt: "2026-12-24T00:00:00.000Z" },
      ],
    },
    images: { count: 3, bytes: null, items: [] },
    rules: { runsDays: 90, workDays: 30, mirrorsDays: 30, setupsDays: 14, setupsMb: 1024, images: 2 },
    next: { at: "2026-11-26T12:00:00.000Z", due: { runs: 4, work: 1, mirrors: 0, setups: 0, images: 0 } },
  };
};

test("says what takes the room, what goes next, and why runs wait", async () => {
  await using stage = await theatre.open({ path: "/settings/disk", prepare: nearlyFull });
  const { page } = stage;
  await page.getByText(LACK).waitFor();
  await page.getByText("512 MB free").waitFor();
  await page.getByText("removes 4 runs, the work of 1 run").waitFor();
  await page.getByText("Bare copies of repositories").click();
  await page.getByText("acme-rockets-4567.git").waitFor();
  await page.getByText("And 21 smaller ones.").waitFor();
  expect(await page.getByText("in use", { exact: true }).count()).toBe(1);
  expect(stage.offences).toEqual([]);
});

test("makes room: what is asked for, with numbers that are right, and only after it was chosen", async () => {
  await using stage = await theatre.open({ path: "/settings/disk", width: 360, prepare: nearlyFull });
  const { page, backend } = stage;
  await page.getByRole("button", { name: "Clean up" }).click();
  const dialog = page.getByRole("dialog");
  const remove = dialog.getByRole("button", { name: "Remove" });
  await dialog.getByLabel("Mirrors not used for: days").fill("soon");
  await dialog.getByText("Give a whole number from 0 on.").waitFor();
  expect(await remove.isDisabled()).toBe(true);
  await dialog.getByLabel("Mirrors not used for: days").fill("3");
  await dialog.getByRole("checkbox", { name: "Kept work" }).check();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  expect(backend.cleanUps).toEqual([]);

  await page.getByRole("button", { name: "Clean up" }).click();
  expect(await dialog.getByRole("checkbox", { name: "Kept work" }).isChecked()).toBe(false);
  await dialog.getByLabel("Mirrors not used for: days").fill("3");
  await remove.click();
  await page.getByText("Removed 1 mirror, 1 set-up, 1 image, which freed 3.0 MB.", { exact: true }).waitFor();
  expect(backend.cleanUps).toEqual([
    {
      what: [
        { kind: "mirrors", olderThanDays: 3 },
        { kind: "setups", olderThanDays: 7 },
        { kind: "images", keep: 1 },
      ],
    },
  ]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)).toBe(true);
  expect(stage.offences).toEqual([]);
});
