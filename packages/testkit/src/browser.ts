import { type Browser, chromium, type Locator, type Page } from "playwright-core";
import { waitFor } from "./wait.ts";

/** Starts the real Chromium, without a window and without a request of its own to anywhere. */
export const startBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
  });

/** Notes from now on what must never happen in a page: errors that nobody caught, a broken policy, requests to other servers than its own. */
export const watchOffences = (page: Page, ownUrl: string): readonly string[] => {
  const offences: string[] = [];
  page.on("pageerror", (error) => offences.push(`uncaught: ${error.message}`));
  page.on("console", (message) => {
    if (/Content Security Policy/.test(message.text())) offences.push(message.text());
  });
  page.on("request", (request) => {
    if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(ownUrl)) offences.push(`request: ${request.url()}`);
  });
  return offences;
};

/**
 * Clicks until what the click is for has come: while what is drawn around a target still settles, a click that begins on it may end beside it. Rejects when
 * it has not come within a minute.
 */
export const clickUntil = (target: Locator, isDone: () => boolean | Promise<boolean>): Promise<boolean> =>
  waitFor(
    async () => {
      // Gone it may be, too, by the click before.
      await target.click({ timeout: 2_000 }).catch(() => {});
      return isDone();
    },
    { what: `what a click on ${String(target)} is for`, intervalMs: 100 },
  );
