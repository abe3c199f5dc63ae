import { watchOffences } from "@ccr/testkit/browser";
import type { Browser, Page } from "playwright-core";
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
