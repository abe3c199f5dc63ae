import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { pinnedNode, projectRoot } from "@ccr/testkit";
import { startBrowser, watchOffences } from "@ccr/testkit/browser";
import type { Browser, Page } from "playwright-core";
import { createMemoryBackend, type MemoryBackend } from "./memory-backend.ts";
import { type PageServer, startPageServer } from "./page-server.ts";

/** The page that is built for all tests, and a browser for those of a file. */
export interface Theatre extends AsyncDisposable {
  /** A server, a backend and a page of their own, for one test. */
  open(options?: { path?: string; width?: number; prepare?: (backend: MemoryBackend) => void }): Promise<Stage>;
}

export interface Stage extends AsyncDisposable {
  readonly backend: MemoryBackend;
  readonly server: PageServer;
  readonly page: Page;
  go(path: string): Promise<void>;
  /** What must never happen: broken policy, errors that nobody caught, requests to other hosts. */
  readonly offences: readonly string[];
}

const openStage = async (browser: Browser, options: Parameters<Theatre["open"]>[0] = {}): Promise<Stage> => {
  const { path, width = 1280, prepare } = options;
  const backend = createMemoryBackend();
  prepare?.(backend);
  const server = await startPageServer(join(projectRoot, "apps/frontend/dist"), backend);
  const context = await browser.newContext({ viewport: { width, height: 800 }, reducedMotion: "reduce" });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const offences = watchOffences(page, server.url);
  const go = async (to: string): Promise<void> => {
    await page.goto(server.url + to, { waitUntil: "load" });
  };
  if (path !== undefined) await go(path);
  return {
    backend,
    server,
    page,
    offences,
    go,
    async [Symbol.asyncDispose]() {
      await context.close();
      await server[Symbol.asyncDispose]();
    },
  };
};

/** Builds the page as it is shipped, unless that was done already, and starts Chromium. */
export const openTheatre = async (): Promise<Theatre> => {
  // A process of its own: the test runner's NODE_ENV would make it a page for development.
  await promisify(execFile)(pinnedNode, [join(projectRoot, "scripts/web-ui.mjs")]);
  const browser = await startBrowser();
  return {
    open: (options) => openStage(browser, options),
    [Symbol.asyncDispose]: () => browser.close(),
  };
};
