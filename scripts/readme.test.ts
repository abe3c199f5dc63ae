import { readFileSync } from "node:fs";
import { join } from "node:path";
import { appRouter } from "@ccr/backend/router";
import { executorRoutes } from "@ccr/protocol";
import { pinnedNode } from "@ccr/testkit";
import { expect, test } from "vitest";
import { runQuietly } from "./setup/commands.mjs";
import { root } from "./setup/places.mjs";

const readme = readFileSync(join(root, "README.md"), "utf8");
const commands = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].map((match) => match[1] ?? "").join("\n");

test("has a curl for every procedure, and for none that is not there", () => {
  const shown = new Set([...commands.matchAll(/\$URL\/trpc\/([a-zA-Z.]+)/g)].map((match) => match[1] ?? ""));
  expect([...shown].toSorted()).toEqual(Object.keys(appRouter._def.procedures).toSorted());
});

test("has a curl for every route of the executor", () => {
  // A call whose answer becomes a variable is written in brackets; each route is counted once.
  const calls = commands.split(/(?:\n|\$\()curl /).filter((command) => command.includes("$EXECUTOR/"));
  const shown = calls.map((call) => {
    const method = /-X DELETE/.test(call) ? "DELETE" : /-X POST|-d '|-d "/.test(call) ? "POST" : "GET";
    return `${method} ${/\$EXECUTOR(\/[a-z-]+)/.exec(call)?.[1]}`;
  });
  const routes = Object.values(executorRoutes).map(({ method, path }) => `${method} ${path}`);
  expect([...new Set(shown)].toSorted()).toEqual(routes.toSorted());
});

test("explains every variable that the server's help names", async () => {
  const { output } = await runQuietly(pinnedNode, [join(root, "apps/backend/src/main.ts"), "--help"]);
  const named = new Set(output.match(/\b(HOST|PORT|[A-Z]+(_[A-Z]+)+)\b/g));
  const table = readme.slice(readme.indexOf("## Configuration"), readme.indexOf("## Security"));
  const explained = new Set(table.match(/(?<=`)(HOST|PORT|[A-Z]+(_[A-Z]+)+)(?=`)/g));
  expect(named.size).toBeGreaterThan(10);
  expect([...explained].toSorted()).toEqual([...named].toSorted());
});
