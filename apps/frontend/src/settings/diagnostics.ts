import type { ServerAbout, ServerInfo } from "@ccr/protocol";
import { formatElapsed } from "../ui/format.ts";

/** What helps those who look for the cause of a trouble: no secret, no path and no name of anybody's. Pure. */
export const diagnosticsOf = (
  { info, about }: { info: ServerInfo; about: ServerAbout },
  page: { now: number; browser: string; window: string; problem: string | null },
): string =>
  [
    "claude-code-runner diagnostics",
    `version: ${info.version} (build ${info.build})`,
    `up: ${formatElapsed(page.now - Date.parse(about.startedAt))}, since ${about.startedAt}`,
    `driver: ${info.driver.name}`,
    `demo: ${info.demo ? "yes" : "no"}`,
    `database: ${about.database}`,
    `node: ${about.node}`,
    `system: ${about.system}`,
    `runs at once: ${info.maxConcurrentRuns}, of one repository ${about.maxRunsPerRepository ?? "no limit"}, of one task ${about.maxRunsPerTask ?? "no limit"}`,
    `browser: ${page.browser}`,
    `window: ${page.window}`,
    ...(page.problem === null ? [] : [`connection: ${page.problem}`]),
  ].join("\n");
