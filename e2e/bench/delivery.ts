import { createServer } from "node:http";
import { createAccess } from "@ccr/backend/access";
import { createHttp } from "@ccr/backend/http";
import { noContext, unused } from "@ccr/backend/no-context";
import { openSqliteStore } from "@ccr/backend/store";
import { type AgentBody, InstanceId, RunLimits, ServerId, type SpoolEvent } from "@ccr/protocol";
import { temporaryFolder } from "@ccr/testkit";
import { getRequestListener } from "@hono/node-server";
import { readEvents } from "../src/server.ts";

const BATCH = 100;
const SERVER = ServerId.parse("srv_0000000000");
const TOKEN = "bench-token-of-no-worth";

/** How many messages of 1 KB the store takes per second, and how many reach a subscriber over HTTP while they are stored. */
export const measureDelivery = async (
  count: number,
): Promise<{ messages: number; storedPerSecond: number; deliveredPerSecond: number }> => {
  await using folder = await temporaryFolder();
  await using store = await openSqliteStore({ path: folder.join("bench.db") });
  const task = await store.tasks.create({ name: "Bench", steps: [{ instructions: "x", checks: "" }], allowNoChanges: false });
  const instanceId = InstanceId.parse("inst_0000000000bench");
  const text = "x".repeat(900);
  const write = async (follow: boolean): Promise<number> => {
    await store.runs.create({
      task,
      repository: "a/b",
      ref: null,
      model: null,
      limits: RunLimits.parse({}),
      priority: 0,
      delivery: null,
      continues: null,
      idempotencyKey: null,
    });
    const claim = await store.queue.claimNext({ owner: SERVER, perRepository: null, perTask: null });
    if (claim === null) throw new Error("nothing to claim");
    const { run, fence } = claim;
    const server = createServer(
      getRequestListener(
        createHttp({
          access: createAccess({ token: TOKEN, host: "127.0.0.1", publicUrl: null, loopbackOnly: true }),
          context: {
            ...noContext,
            tasks: store.tasks,
            runs: { ...noContext.runs, follow: (id, range, signal) => store.transcript.follow(id, range, signal) },
          },
          downloads: { patch: unused, bundle: unused, conversation: unused, checkOutput: unused, transcript: unused },
          uiFolder: folder.path,
          readiness: unused,
          metrics: { httpRequest: () => {}, render: unused },
          log: (level, text, fields) => {
            if (level === "error") process.stderr.write(`${text} ${String(fields?.error)}\n`);
          },
        }).fetch,
      ),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const startedAt = performance.now();
    const received = (async () => {
      if (!follow) return;
      const input = encodeURIComponent(JSON.stringify({ id: run.id }));
      const response = await fetch(`http://127.0.0.1:${port}/trpc/runs.onMessage?input=${input}`, {
        headers: { authorization: `Bearer ${TOKEN}` },
      });
      let seen = 0;
      for await (const event of readEvents(response)) {
        if (event.id !== null && ++seen === count) return;
      }
    })();
    for (let seq = 1; seq <= count; seq += BATCH) {
      const events = Array.from({ length: Math.min(BATCH, count - seq + 1) }, (_, index): SpoolEvent => {
        const body: AgentBody = { type: "assistant", session_id: "bench", message: { content: [{ type: "text", text }] } };
        return { seq: seq + index, at: new Date().toISOString(), source: "agent", body };
      });
      await store.transcript.appendSpooled(run.id, fence, { instanceId, events });
    }
    await received;
    const seconds = (performance.now() - startedAt) / 1000;
    await store.runs.advance(run.id, { from: ["starting"], to: "canceled", fence, patch: { reason: "canceled", sentence: "" } });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    return Math.round(count / seconds);
  };
  await write(false);
  return { messages: count, storedPerSecond: await write(false), deliveredPerSecond: await write(true) };
};
