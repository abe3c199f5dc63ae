import { expect, test } from "vitest";
import { diagnosticsOf } from "./diagnostics.ts";

test("tells what a helper needs, and neither folders nor repositories", () => {
  const text = diagnosticsOf(
    {
      info: {
        version: "0.1.0",
        build: "abc",
        demo: true,
        demoRepository: "/home/ada/secret-place/demo",
        driver: { name: "bubblewrap", sentence: "bubblewrap, because /run/docker.sock does not answer" },
        localRepositoryRoots: ["/home/ada/secret-place"],
        maxConcurrentRuns: 4,
      },
      about: {
        startedAt: "2026-11-22T20:00:00.000Z",
        node: "v24.21.0",
        system: "Linux 6.1 x64",
        database: "sqlite",
        maxRunsPerRepository: null,
        maxRunsPerTask: 2,
        modelHost: "proxy.internal.example",
      },
    },
    { now: Date.parse("2026-11-22T21:02:00.000Z"), browser: "Chromium", window: "1440x900", problem: null },
  );
  expect(text).toContain("version: 0.1.0 (build abc)");
  expect(text).toContain("up: 1 h 02 m");
  expect(text).toContain("of one task 2");
  expect(text).not.toMatch(/ada|secret-place|docker\.sock|internal\.example/);
});
