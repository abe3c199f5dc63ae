import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { pinnedNode, waitFor } from "@ccr/testkit";
import { expect, test } from "vitest";

const start = (...args: string[]) => {
  const child = spawn(pinnedNode, [join(import.meta.dirname, "main.ts"), ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const output = { out: "", err: "" };
  child.stdout.on("data", (chunk) => {
    output.out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    output.err += chunk;
  });
  return { child, output, closed: once(child, "close") };
};

const stopped = async (child: ChildProcess, closed: Promise<unknown[]>): Promise<unknown> => {
  child.kill("SIGTERM");
  return (await closed)[0];
};

test("serves the demo, prints its address, and ends well when it is told to", async () => {
  const { child, output, closed } = start("--credential", "sk-right");
  const url = await waitFor(() => /playing 'demo' at (http:\/\/127\.0\.0\.1:\d+)\n/.exec(output.out)?.[1]);
  expect((await fetch(`${url}/v1/messages`, { method: "POST" })).status).toBe(401);
  expect(await stopped(child, closed)).toBe(0);
});

test("prints its help", async () => {
  const { output, closed } = start("--help");
  expect((await closed)[0]).toBe(0);
  expect(output.out).toContain("--scenario FILE");
});

test("answers a bad value with one clear line and a failure", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const address = taken.address();
  const port = typeof address === "object" && address !== null ? String(address.port) : "";
  for (const [args, words] of [
    [["--port", "x"], "--port takes a number from 0 to 65535, not 'x'"],
    [["--port", port], "EADDRINUSE"],
    [["--scenario", "/nonexistent.json"], "/nonexistent.json cannot be read"],
    [["--record", "/nonexistent/file"], "ENOENT"],
    [["--colour"], "Unknown option '--colour'"],
    [["extra"], "Unexpected argument 'extra'"],
  ] as const) {
    const { output, closed } = start(...args);
    expect([args, (await closed)[0]]).toEqual([args, 1]);
    expect(output.err).toContain(words);
    expect(output.err.trimEnd().split("\n")).toHaveLength(1);
    expect(output.out).toBe("");
  }
  taken.close();
  await once(taken, "close");
});
