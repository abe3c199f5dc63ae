import { mkdir, readFile } from "node:fs/promises";
import { SetUpEvent, SetUpInput } from "@ccr/protocol";
import { leakWatch, temporaryFolder } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { setUp } from "./set-up.ts";

const never = new AbortController().signal;

const run = async (
  script: string,
  options: { secrets?: Record<string, string>; timeoutMs?: number; signal?: AbortSignal; onEvent?: () => void } = {},
) => {
  await using folder = await temporaryFolder();
  await mkdir(folder.join("w"));
  const { secrets = {}, timeoutMs = 60_000, signal = never, onEvent = () => {} } = options;
  const input = SetUpInput.parse({ script, secrets, timeoutMs });
  const env = Object.fromEntries(Object.entries(process.env).map(([name, value]) => [name, value ?? ""]));
  const events: SetUpEvent[] = [];
  let text = "";
  for await (const chunk of await setUp(input, { workspace: folder.join("w"), env, signal })) {
    text += chunk;
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n")) {
      events.push(SetUpEvent.parse(JSON.parse(text.slice(0, end))));
      text = text.slice(end + 1);
      onEvent();
    }
  }
  const output = events.map((event) => (event.type === "output" ? event.text : "")).join("");
  return { output, ended: events.at(-1), kept: await readFile(folder.join("w", "kept"), "utf8").catch(() => null) };
};

describe("setUp", () => {
  it("gives what is printed in its order, and the exit code", async () => {
    const { output, ended } = await run("echo one; echo two >&2; pwd | sed 's|.*/||'; exit 3");
    expect(output).toBe("one\ntwo\nw\n");
    expect(ended).toMatchObject({ type: "ended", outcome: { kind: "exited", exitCode: 3 } });
  });

  it("stops at the first command that fails", async () => {
    const { output, ended } = await run("false\necho not reached");
    expect(output).toBe("");
    expect(ended).toMatchObject({ outcome: { kind: "exited", exitCode: 1 } });
  });

  it("gives secrets to the script's environment alone", async () => {
    const { output } = await run('echo "$TOKEN"', { secrets: { TOKEN: "a-secret-value" } });
    expect(output).toBe("a-secret-value\n");
    expect(process.env.TOKEN).toBeUndefined();
  });

  it("keeps characters whole that come in pieces", async () => {
    const { output } = await run("printf '\\xe2\\x82'; sleep 0.2; printf '\\xac'");
    expect(output).toBe("€");
  });

  it("ends one that takes too long, and says so", async () => {
    const { ended } = await run("sleep 60", { timeoutMs: 200 });
    expect(ended).toMatchObject({ outcome: { kind: "timed_out" } });
  });

  it("does not wait for what is left running, and ends it", async () => {
    const watch = await leakWatch();
    const { output, ended } = await run("(sleep 600; echo late) & echo early");
    expect(output).toBe("early\n");
    expect(ended).toMatchObject({ outcome: { kind: "exited", exitCode: 0 } });
    await watch.assertNothingLeft();
  });

  it("is ended when nobody reads it any more", async () => {
    const gone = new AbortController();
    const began = performance.now();
    await expect(run("echo begun; sleep 600", { signal: gone.signal, onEvent: () => gone.abort() })).rejects.toThrow();
    expect(performance.now() - began).toBeLessThan(10_000);
  });
});
