import { watchOffences } from "@ccr/testkit/browser";
import type { Browser, Locator, Page } from "playwright-core";
import { expect } from "vitest";
import type { Server } from "./server.ts";

export type Visit = AsyncDisposable & {
  page: Page;
  /** What must never happen: errors that nobody caught, a broken policy, requests to other hosts. */
  offences: readonly string[];
};

/** A page that has just been logged in by the link that the server printed. */
export const visit = async (
  browser: Browser,
  server: Server,
  options: { width?: number; height?: number } = {},
): Promise<Visit> => {
  const context = await browser.newContext({
    viewport: { width: options.width ?? 1440, height: options.height ?? 900 },
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const offences = watchOffences(page, server.url);
  await page.goto(server.loginLink);
  return { page, offences, [Symbol.asyncDispose]: () => context.close() };
};

/** Clicks until what the click is for has come: while what is drawn around a target still settles, a click that begins on it may end beside it. */
export const clickUntil = async (target: Locator, isDone: () => boolean | Promise<boolean>): Promise<void> => {
  const click = async (): Promise<boolean> => {
    // Gone it may be, too, by the click before.
    await target.click({ timeout: 2_000 }).catch(() => {});
    return isDone();
  };
  await expect.poll(click).toBe(true);
};
