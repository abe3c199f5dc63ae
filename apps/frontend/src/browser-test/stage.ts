import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { pinnedNode, projectRoot, type TemporaryFolder, temporaryFolder } from "@ccr/testkit";
import { startBrowser, watchOffences } from "@ccr/testkit/browser";
import type { Browser, Page } from "playwright-core";
import { createMemoryBackend, type MemoryBackend } from "./memory-backend.ts";
import { type PageServer, startPageServer } from "./page-server.ts";

/** The built page and a browser, for all tests of a file. */
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

const openStage = async (
  dist: TemporaryFolder,
  browser: Browser,
  options: Parameters<Theatre["open"]>[0] = {},
): Promise<Stage> => {
  const { path, width = 1280, prepare } = options;
  const backend = createMemoryBackend();
  prepare?.(backend);
  const server = await startPageServer(dist.path, backend);
  const context = await browser.newContext({ viewport: { width, height: 800 }, reducedMotion: "reduce" });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
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

/** A build of its own process: the test runner's NODE_ENV would make it one for development. */
const buildPage = async (outDir: string): Promise<void> => {
  const vite = `${projectRoot}/node_modules/vite/bin/vite.js`;
  const page = fileURLToPath(new URL("../..", import.meta.url));
  const { NODE_ENV: _, ...env } = process.env;
  await promisify(execFile)(pinnedNode, [vite, "build", page, "--outDir", outDir, "--emptyOutDir", "--logLevel", "error"], {
    env,
  });
};

/** Builds the page as it is shipped and starts Chromium. */
export const openTheatre = async (): Promise<Theatre> => {
  const dist = await temporaryFolder();
  await buildPage(dist.path);
  const browser = await startBrowser();
  return {
    open: (options) => openStage(dist, browser, options),
    async [Symbol.asyncDispose]() {
      await browser.close();
      await dist[Symbol.asyncDispose]();
    },
  };
};
