import { join } from "node:path";
import { projectRoot } from "@ccr/testkit";
import type { Browser, Page } from "playwright-core";
import { visit } from "../src/browser.ts";
import type { Server } from "../src/server.ts";

// A plain folder, since its name is seen in the pictures.
export const DATA_DIR = "/tmp/claude-code-runner";
/** Where the pictures go. */
export const folder = join(projectRoot, "docs", "screens");

/** The screens that were asked for by name; none: all of them. */
const asked = process.argv.slice(2);

const SIZES = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };

/** What there is to be seen: where it is, and what is done there before the picture is taken. */
type Screen = {
  name: string;
  path: string;
  ready: (page: Page) => Promise<unknown>;
  /** The one size at which there is such a screen. */
  only?: keyof typeof SIZES;
  /** It is that of somebody who is not logged in. */
  isOutside?: true;
};

/** Takes the pictures of these screens in each size and both colour schemes. Throws when a page did what it must not. */
export const take = async (browser: Browser, server: Server, screens: readonly Screen[]): Promise<void> => {
  const wanted = screens.filter(({ name }) => asked.length === 0 || asked.includes(name));
  if (wanted.length === 0) return;
  for (const [size, viewport] of Object.entries(SIZES)) {
    await using opened = await visit(browser, server, viewport);
    const { page } = opened;
    const context = page.context();
    // Then nothing offers to ask for it.
    await context.grantPermissions(["notifications"]);
    const cookies = await context.cookies();
    for (const scheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
      for (const { name, path, ready, only, isOutside } of wanted) {
        if (only !== undefined && only !== size) continue;
        if (isOutside) await context.clearCookies();
        await page.goto(`${server.url}${path}`);
        await ready(page);
        await page.getByText("Loading", { exact: true }).first().waitFor({ state: "detached" });
        // Colours of code, and what is fetched late, come within this time.
        await page.waitForTimeout(700);
        await page.screenshot({ path: join(folder, `${name}-${size}-${scheme}.jpg`), type: "jpeg", quality: 86 });
        if (isOutside) await context.addCookies(cookies);
      }
    }
    if (opened.offences.length > 0) throw new Error(opened.offences.join("\n"));
  }
};

/** Ready when a heading of this name is there. */
export const heading = (name: string) => (page: Page) => page.getByRole("heading", { name, exact: true }).first().waitFor();
/** Ready when something says this. */
export const text = (said: string) => (page: Page) => page.getByText(said).filter({ visible: true }).first().waitFor();
