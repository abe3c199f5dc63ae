import { type Browser, chromium, type Page } from "playwright-core";
import type { Server } from "./server.ts";

export type Visit = AsyncDisposable & {
  page: Page;
  /** What must never happen: errors that nobody caught, a broken policy, requests to other hosts. */
  offences: readonly string[];
};

/** Real Chromium, without a request of its own to anywhere. */
export const startBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
  });

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
  page.setDefaultTimeout(30_000);
  const offences: string[] = [];
  page.on("pageerror", (error) => offences.push(`uncaught: ${error.message}`));
  page.on("console", (message) => {
    if (/Content Security Policy/.test(message.text())) offences.push(message.text());
  });
  page.on("request", (request) => {
    if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(server.url)) offences.push(`request: ${request.url()}`);
  });
  await page.goto(server.loginLink);
  return { page, offences, [Symbol.asyncDispose]: () => context.close() };
};
