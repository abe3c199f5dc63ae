import { expect, test } from "vitest";
import { wallProblems } from "./walls.mjs";

const problems = (path: string, source: string) => wallProblems(path, source).map((problem) => problem.split(": ")[0]);

test.each([
  ["apps/backend/src/api/runs.ts", 'import { createDockerDriver } from "../drivers/docker/driver.ts";'],
  ["apps/backend/src/api/runs.ts", 'import type { SandboxDriver } from "../drivers/types.ts";'],
  ["apps/backend/src/api/runs.ts", 'import "../main.ts";'],
  ["apps/backend/src/runs/launch.ts", 'import { chooseDriver } from "../main/drivers.ts";'],
  ["apps/backend/src/runs/supervise.ts", 'import { create } from "../drivers/bubblewrap/driver.ts";'],
  ["apps/backend/src/runs/supervise.ts", 'import { router } from "../api/router.ts";'],
  ["apps/backend/src/runs/supervise.ts", 'const { x } = await import("../drivers/docker/driver.ts");'],
  ["apps/backend/src/runs/supervise.ts", 'export { x } from "../drivers/docker/driver.ts";'],
  ["apps/backend/src/store/runs.ts", 'import { transition } from "../runs/transition.ts";'],
  ["apps/backend/src/drivers/docker/driver.ts", 'import { run } from "../bubblewrap/run.ts";'],
  ["apps/backend/src/drivers/select.ts", 'import { x } from "./docker/driver.ts";'],
  ["apps/backend/src/listen.ts", 'import { x } from "./runs/runs.ts";'],
  ["apps/backend/src/upkeep/retention.ts", 'import { x } from "../runs/runs.ts";'],
  ["apps/backend/src/upkeep/retention.ts", 'import { x } from "../drivers/docker/image-storage.ts";'],
  ["apps/backend/src/upkeep/retention.ts", 'import { x } from "../observe/log.ts";'],
  ["apps/backend/src/observe/metrics.ts", 'import type { Store } from "../store/types.ts";'],
  ["apps/backend/src/runs/supervise.ts", 'import { x } from "../upkeep/retention.ts";'],
  ["apps/backend/src/demo/demo.ts", 'import { x } from "../runs/runs.ts";'],
  ["apps/backend/src/store/sqlite.ts", 'import { x } from "./suite/runs.ts";'],
  ["gateway/src/server.ts", 'import { x } from "@ccr/backend/router";'],
  ["gateway/src/server.ts", 'import { x } from "../../apps/backend/src/config.ts";'],
  ["executor/src/server.ts", 'import { temporaryFolder } from "@ccr/testkit";'],
  ["packages/protocol/src/run.ts", 'import { readFile } from "node:fs/promises";'],
  ["packages/protocol/src/run.test.ts", 'import { config } from "@ccr/backend/router";'],
  ["apps/frontend/src/api/client.ts", 'import { appRouter } from "@ccr/backend/router";'],
  ["apps/frontend/src/api/client.ts", 'import { type AppRouter, appRouter } from "@ccr/backend/router";'],
  ["apps/frontend/src/api/client.test.ts", 'import { appRouter } from "@ccr/backend/router";'],
  ["apps/frontend/src/api/client.ts", 'import type { Store } from "../../../backend/src/store/types.ts";'],
])("%s must not hold: %s", (path, source) => {
  expect(problems(path, `\n${source}\n`)).toEqual([expect.stringMatching(new RegExp(`^${path}:2 imports `))]);
});

test.each([
  ["apps/backend/src/main.ts", 'import { createDockerDriver } from "./drivers/docker/driver.ts";'],
  ["apps/backend/src/main/drivers.ts", 'import { createDockerDriver } from "../drivers/docker/driver.ts";'],
  ["apps/backend/src/api/runs.ts", 'import type { Runs } from "../runs/types.ts";\nimport { tracked } from "@trpc/server";'],
  ["apps/backend/src/runs/supervise.ts", 'import type { SandboxDriver } from "../drivers/types.ts";'],
  ["apps/backend/src/drivers/docker/driver.ts", 'import { DOORS } from "../layout.ts";'],
  ["apps/backend/src/runs/supervise.test.ts", 'import { createDockerDriver } from "../drivers/docker/driver.ts";'],
  ["apps/backend/src/store/suite/runs.ts", 'import { temporaryFolder } from "@ccr/testkit";'],
  ["packages/protocol/src/run.ts", 'import { z } from "zod";\nimport { RunId } from "./ids.ts";'],
  ["packages/protocol/src/run.test.ts", 'import { expect } from "vitest";'],
  ["apps/frontend/src/api/client.ts", 'import type { AppRouter } from "@ccr/backend/router";'],
  ["apps/frontend/src/api/client.ts", '// import { appRouter } from "@ccr/backend/router";'],
  ["gateway/src/server.ts", 'const text = `import { x } from "@ccr/backend/router"`;'],
])("%s may hold: %s", (path, source) => {
  expect(wallProblems(path, source)).toEqual([]);
});

test("a problem names the place, what is imported, and the rule", () => {
  expect(wallProblems("gateway/src/a.ts", '\n\nimport { x } from "@ccr/backend/router";')).toEqual([
    "gateway/src/a.ts:3 imports @ccr/backend/router: the gateway imports protocol alone of our packages",
  ]);
});
