import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { pinnedNode } from "@ccr/testkit";
import { expect, test } from "vitest";
import { lastLines, runQuietly } from "./commands.mjs";

const commands = join(import.meta.dirname, "commands.mjs");

/** A launcher that hands over to a child with the given code, as `npm start` does to the server. */
const launch = (childCode: string) => {
  const launcher = `import { handOver } from ${JSON.stringify(commands)};
    process.exitCode = await handOver(process.execPath, ["-e", ${JSON.stringify(childCode)}]);`;
  return spawn(pinnedNode, ["--input-type=module", "-e", launcher], { stdio: ["ignore", "pipe", "inherit"] });
};

test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
  "passes %s on, waits for the end, and gives its exit code",
  async (signal) => {
    const child = launch(
      `process.on("${signal}", () => { console.log("stopping"); setTimeout(() => { console.log("stopped"); process.exit(7); }, 50); });
     console.log("ready"); setInterval(() => {}, 1000);`,
    );
    let printed = "";
    child.stdout.on("data", (text) => {
      if (printed === "") child.kill(signal);
      printed += text;
    });
    expect(await once(child, "close")).toEqual([7, null]);
    expect(printed).toBe("ready\nstopping\nstopped\n");
  },
);

test("a child that a signal ended gives 128 and its number", async () => {
  const child = launch('process.kill(process.pid, "SIGKILL"); setInterval(() => {}, 1000);');
  expect(await once(child, "close")).toEqual([137, null]);
});

test("keeps the end of what a program printed, and tells that it failed or is missing", async () => {
  const loud = await runQuietly(pinnedNode, [
    "-e",
    'for (let i = 0; i < 9000; i++) console.log("line " + i); process.exitCode = 3',
  ]);
  expect(loud.ok).toBe(false);
  expect(loud.output.length).toBeLessThanOrEqual(16_000);
  expect(lastLines(loud.output, 2)).toBe("    line 8998\n    line 8999");
  expect(await runQuietly("ccr-no-such-program", [])).toEqual({ ok: false, output: expect.stringContaining("ENOENT") });
  expect(await runQuietly(pinnedNode, ["-e", ""])).toEqual({ ok: true, output: "" });
});
