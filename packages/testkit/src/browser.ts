import { type Browser, chromium, type Page } from "playwright-core";

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
