import { once } from "node:events";
import { mkdir, readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { AuditRecord, type Door, RunId } from "@ccr/protocol";
import { parseScenario, startScriptedModel } from "@ccr/scripted-model";
import { temporaryFolder } from "@ccr/testkit";
import { expect, test } from "vitest";
import { connectTo, modelRequest, SECRET } from "./testing/house.ts";
import { startGatewayProcess } from "./testing/process.ts";

/** The same numbers for the same seed, from 0 up to 1 (mulberry32). */
const randomFrom = (seed: number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
};

const SEED = 20_261_122;
const KILLS = 12;
const DOORS = 4;

const readAudit = async ({ auditPath }: Door): Promise<AuditRecord[]> =>
  (await readFile(auditPath, "utf8"))
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => AuditRecord.parse(JSON.parse(line)));

test("has a record of every request that reached the model, and none twice, when it is killed at any moment", async () => {
  const random = randomFrom(SEED);
  await using folder = await temporaryFolder();
  // Answers that take their time, so that there is always something to be cut.
  const scenario = parseScenario({
    name: "long answers",
    rules: [
      {
        match: { side: true, matches: "door (\\d) request (\\d+)" },
        turns: [
          {
            blocks: [{ type: "text", text: { repeat: "x", times: 400 } }],
            pace: { chunkCharacters: 20, betweenChunksMs: 3 },
            repeat: 1000,
          },
        ],
      },
    ],
  });
  await using model = await startScriptedModel({ scenario, recordLimit: 1_000_000 });
  await mkdir(folder.join("doors"));
  const doors: Door[] = Array.from({ length: DOORS }, (_, index) => ({
    runId: RunId.parse(`run_door00000${index}`),
    socketPath: folder.join("doors", `${index}.sock`),
    alsoAt: [folder.join("doors", `${index}-beside.sock`)],
    auditPath: folder.join(`${index}.ndjson`),
    policy: { allow: [] },
    fence: 1,
    auditAfter: 0,
  }));
  const stop = new AbortController();
  const attempts = doors.map(() => 0);
  const answered = doors.map(() => 0);
  let answeredBeside = 0;

  /** One request after the other, through one socket and the other in turn, whatever becomes of them. */
  const ask = async (index: number): Promise<void> => {
    const { socketPath = "", alsoAt = [] } = doors[index] ?? {};
    for (let tries = 0; !stop.signal.aborted; tries += 1) {
      const socket = connectTo([socketPath, ...alsoAt][tries % 2] ?? "");
      let text = "";
      socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
      socket.on("error", () => {});
      const closed = once(socket, "close").catch(() => {});
      const isOpen = await once(socket, "connect").then(
        () => true,
        () => false,
      );
      if (isOpen) {
        attempts[index] = (attempts[index] ?? 0) + 1;
        const content = `door ${index} request ${attempts[index]}`;
        const body = { model: "m", max_tokens: 100, stream: true, messages: [{ role: "user", content }] };
        socket.write(modelRequest(JSON.stringify(body)));
      }
      await closed;
      if (text.includes("message_stop")) {
        answered[index] = (answered[index] ?? 0) + 1;
        answeredBeside += tries % 2;
      }
      if (!isOpen) await delay(5);
    }
  };

  const asking = doors.map((_, index) => ask(index));
  for (let kill = 0; kill <= KILLS; kill += 1) {
    await using gateway = await startGatewayProcess({
      controlPath: folder.join("control.sock"),
      env: { ANTHROPIC_API_KEY: SECRET, ANTHROPIC_BASE_URL: model.url },
    });
    for (const door of doors) await gateway.client.openDoor(door);
    await delay(random() * 300);
    if (kill < KILLS) continue; // killed by its disposal
    stop.abort();
    await Promise.all(asking);
    for (const { runId } of doors) await gateway.client.closeDoor(runId);
  }

  const reached = model.requests.map(({ matched }) => matched);
  let cut = 0;
  for (const [index, door] of doors.entries()) {
    const records = await readAudit(door);
    expect(records.map(({ n }) => n)).toEqual(records.map((_, at) => at + 1));
    const witnessed = reached.filter(([, which]) => which === String(index)).length;
    expect(witnessed).toBe(new Set(reached.filter(([, which]) => which === String(index)).map(([, , request]) => request)).size);
    expect(records.length, `door ${index}`).toBeGreaterThanOrEqual(witnessed);
    // One that was killed between the writing and the sending has a record, and reached nobody.
    expect(records.length, `door ${index}`).toBeLessThanOrEqual(attempts[index] ?? 0);
    const whole = records.filter(({ status, rule }) => status === 200 && rule === "the model route");
    expect(whole.length).toBeGreaterThanOrEqual((answered[index] ?? 0) - KILLS);
    expect(whole.length).toBeLessThanOrEqual(answered[index] ?? 0);
    expect(records.map(({ at }) => at)).toEqual(records.map(({ at }) => at).toSorted());
    cut += records.filter(({ status, rule }) => status === null && /gateway ended before/.test(rule)).length;
  }
  expect(reached.length).toBeGreaterThan(20);
  // Otherwise nothing was tried.
  expect(cut).toBeGreaterThan(5);
  expect(answeredBeside).toBeGreaterThan(5);
});
