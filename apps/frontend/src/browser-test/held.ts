import type { Page } from "playwright-core";

/** Holds the requests to a procedure until the given function says what becomes of them. */
export const holdRequests = async (page: Page, procedure: string): Promise<(fate: "let through" | "lose") => void> => {
  const { promise, resolve } = Promise.withResolvers<"let through" | "lose">();
  await page.route(new RegExp(`/trpc/[^?]*${procedure.replace(".", "\\.")}`), async (route) => {
    if ((await promise) === "let through") return route.continue();
    await route.abort("connectionreset");
  });
  return resolve;
};
