import { once } from "node:events";
import { rm } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import type { SpoolEvent } from "@ccr/protocol";
import { parseScenario, type ScenarioInput, startScriptedModel } from "@ccr/scripted-model";
import { waitFor } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { startForwarder } from "./forwarder.ts";
import { bash, execute, readUntil, rules, say, type Turn } from "./testing/claude.ts";
import { assertNoGap, executorFolder, outcomeOf, startExecutor } from "./testing/executor.ts";

/** What stands for the gateway: a unix socket that leads to a port, and can be killed. */
const gatewayTo = (path: string, port: number) => {
  let open = new Set<Socket>();
  let server = createServer();
  return {
    async start() {
      open = new Set();
      server = createServer((inside) => {
        const outside = connect(port, "127.0.0.1");
        for (const [socket, other] of [
          [inside, outside],
          [outside, inside],
        ] as const) {
          open.add(socket);
          socket.pipe(other);
          socket.on("error", () => other.destroy());
          socket.on("close", () => {
            open.delete(socket);
            other.destroy();
          });
        }
      });
      await rm(path, { force: true });
      server.listen(path);
      await once(server, "listening");
    },
    async kill() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
};

const setUp = async (turns: Record<string, Turn[]>) => {
  const stack = new AsyncDisposableStack();
  const folder = stack.use(await executorFolder());
  const scenario: ScenarioInput = { name: "test", rules: rules(turns) };
  const model = stack.use(await startScriptedModel({ scenario: parseScenario(scenario) }));
  const gateway = gatewayTo(folder.join("g.sock"), model.port);
  stack.defer(() => gateway.kill());
  const executor = stack.use(
    await startExecutor({ folder, env: { EXECUTOR_GATEWAY: folder.join("g.sock"), EXECUTOR_GATEWAY_PORT: "0" } }),
  );
  return { folder, model, gateway, executor, [Symbol.asyncDispose]: () => stack.disposeAsync() };
};
const notes = (events: readonly SpoolEvent[]) => events.flatMap(({ body }) => (body.type === "note" ? [String(body.text)] : []));
const retries = (events: readonly SpoolEvent[]) => events.filter(({ body }) => Object(body).subtype === "api_retry").length;

const pass = async (ms: number) => {
  const begin = performance.now();
  await waitFor(() => performance.now() - begin >= ms, { what: "the outage to last", timeoutMs: ms + 5_000 });
};
const outage = [expect.stringContaining("cannot be reached"), expect.stringMatching(/^The gateway is back after \d+ s\.$/)];
/** So long that it is still being given when it is cut. */
const slow = { pace: { betweenChunksMs: 20, chunkCharacters: 4 } };

describe("a gateway that is away", () => {
  it("holds the agent up for longer than an agent may be silent, and does not end the turn", async () => {
    await using test = await setUp({ Go: [bash("echo one"), say("the end")] });
    // Its start is silence, too, and takes a second or more where much else goes on.
    const done = execute(test.executor, { prompt: "Go", stallTimeoutMs: 5_000 });
    await pass(7_500);
    await test.gateway.start();
    const events = await done;
    expect(outcomeOf(events)).toEqual({ kind: "completed", text: "the end" });
    expect(notes(events)).toEqual(outage);
    // Claude Code did not even see it.
    expect(retries(events)).toBe(0);
    assertNoGap(events, 1);
  });

  it.each([
    ["a text", [{ type: "text", text: "a ".repeat(300) }], 1],
    [
      "a tool call, behind a text that is told already",
      [
        { type: "text", text: "I do it." },
        { type: "tool_use", name: "Bash", input: { command: `echo ${"b".repeat(600)}` } },
      ],
      0,
    ],
  ] as const)("is killed in the middle of %s: the agent asks again, and goes on", async (_, blocks, asksAgain) => {
    await using test = await setUp({
      // What Claude Code says to the model when it has taken a part of its answer already.
      "cut off mid-stream": [bash("echo again"), say("the end")],
      Go: [bash("echo one"), { blocks: [...blocks], ...slow }, say("the end")],
    });
    await test.gateway.start();
    const done = execute(test.executor, { prompt: "Go" });
    await waitFor(() => test.model.requests.length === 2, { what: "the answer to be on its way" });
    await pass(600);
    await test.gateway.kill();
    await pass(1_500);
    await test.gateway.start();
    const events = await done;
    expect(test.model.requests[1]?.end).toBe("left");
    expect(outcomeOf(events).kind).toBe("completed");
    expect(notes(events)).toEqual(outage);
    expect(retries(events)).toBe(asksAgain);
    assertNoGap(events, 1);
  });

  it("stays away for longer than a connection is held: Claude Code tries again by itself", async () => {
    await using folder = await executorFolder();
    const scenario: ScenarioInput = { name: "test", rules: rules({ Go: [bash("echo one"), say("the end")] }) };
    await using model = await startScriptedModel({ scenario: parseScenario(scenario) });
    const gateway = gatewayTo(folder.join("g.sock"), model.port);
    // The same forwarder, with its five minutes made short.
    const patience = { firstMs: 20, mostMs: 50, limitMs: 300 };
    await using forwarder = await startForwarder({ socketPath: folder.join("g.sock"), port: 0, patience });
    await using executor = await startExecutor({ folder, env: { ANTHROPIC_BASE_URL: forwarder.url } });
    const stream = (await executor.stream("POST", "/execute", { prompt: "Go" }))[Symbol.asyncIterator]();
    let tried = 0;
    await readUntil(stream, (event) => {
      tried += retries([event]);
      return tried === 2;
    });
    await gateway.start();
    const events = await readUntil(stream, ({ body }) => body.type === "execution_ended");
    expect(outcomeOf(events)).toEqual({ kind: "completed", text: "the end" });
    await gateway.kill();
  });
});
