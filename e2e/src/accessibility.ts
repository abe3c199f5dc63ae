import axe from "axe-core";
import type { Page } from "playwright-core";
import { z } from "zod";

/** What axe tells of a page, as far as it is read here. */
const Results = z.object({
  violations: z.array(
    z.object({ id: z.string(), help: z.string(), nodes: z.array(z.object({ html: z.string(), failureSummary: z.string() })) }),
  ),
});

const ALL_RULES = { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] };
/** Those that look at colours; in the dark nothing else is different. */
const COLOUR_RULES = { type: "rule", values: ["color-contrast", "link-in-text-block"] };

/** Until what the page asks for is there, and each diff is drawn. */
export const settled = (page: Page): Promise<unknown> =>
  page.waitForFunction(() => {
    const isDrawn = (diff: Element): boolean =>
      [...diff.querySelectorAll("*")].some(({ shadowRoot }) => shadowRoot?.querySelector("code") != null);
    return (
      document.querySelector(".animate-pulse") === null &&
      document.querySelector("main :is(h1, h2, p)") !== null &&
      [...document.querySelectorAll("[aria-label='Changes to the files']")].every(isDrawn)
    );
  });

const violationsOf = async (page: Page, where: string, runOnly: typeof ALL_RULES): Promise<string[]> => {
  const found = Results.parse(await page.evaluate(`axe.run(document, { runOnly: ${JSON.stringify(runOnly)} })`));
  return found.violations.flatMap(({ id, help, nodes }) =>
    nodes.map(
      ({ html, failureSummary }) => `${where}: ${id} (${help}): ${html.slice(0, 200)}: ${failureSummary.replaceAll("\n", " ")}`,
    ),
  );
};

/** What is wrong with the page as it is shown now, in the light and in the dark. */
export const problemsOf = async (page: Page, where: string): Promise<string[]> => {
  await settled(page);
  if (await page.evaluate("typeof axe === 'undefined'")) await page.evaluate(axe.source);
  const violations = await violationsOf(page, where, ALL_RULES);
  await page.emulateMedia({ colorScheme: "dark" });
  violations.push(...(await violationsOf(page, `${where}, in the dark`, COLOUR_RULES)));
  await page.emulateMedia({ colorScheme: "light" });
  const scrolls = await page.evaluate(() => {
    const { documentElement: frame } = document;
    const pageItself = [frame, document.querySelector("main"), document.querySelector("main > div")];
    return [
      ...(pageItself.some((element) => element !== null && element.scrollWidth > element.clientWidth) ? ["sideways"] : []),
      // What one scrolls is the page, in a frame that stays.
      ...(frame.scrollHeight > frame.clientHeight ? ["with its frame"] : []),
    ];
  });
  return [...violations, ...scrolls.map((how) => `${where}: scrolls ${how}`)];
};
