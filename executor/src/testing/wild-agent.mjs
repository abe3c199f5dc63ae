// Stands in for Claude Code where the real one cannot be made to misbehave: it speaks the protocol of its standard output, and then does
// what the prompt names.
import { closeSync, existsSync, watch } from "node:fs";
import { createInterface } from "node:readline";

const write = (text) =>
  new Promise((resolve) => (process.stdout.write(text) ? resolve() : process.stdout.once("drain", resolve)));
const line = (value) => write(`${JSON.stringify(value)}\n`);
const session_id = "11111111-2222-4333-8444-555555555555";
const result = (uuid, more = {}) =>
  line({ type: "result", subtype: "success", is_error: false, result: "done", session_id, user_message_uuid: uuid, ...more });
const assistant = (text) =>
  line({ type: "assistant", message: { id: "m", content: [{ type: "text", text }] }, parent_tool_use_id: null, session_id });

const acts = {
  async flood(uuid) {
    for (let n = 0; n < 50_000; n += 1) await assistant(`message ${n} ${"x".repeat(200)}`);
    await result(uuid);
  },
  async line(uuid) {
    await assistant("y".repeat(64 * 1024 * 1024));
    await result(uuid);
  },
  async noise(uuid) {
    await write("\ufeff\r\n");
    await assistant("after a BOM");
    await write("this is no JSON\n\n[1,2\n");
    await write('{"type":"assistant","message":{"content":[]}} {"type":"assistant"}\n');
    await write(Buffer.from([0x7b, 0xff, 0xfe, 0x7d, 0x0a]));
    await line({ type: "brand_new", __proto__: null, big: 1e300, nested: { deep: [1] }, session_id });
    await line({ type: 7, strange: true });
    await line({ no_type: true });
    await result(uuid, { result: "through the noise" });
  },
  async deep(uuid) {
    await write(`{"type":"deep","x":${"[".repeat(100_000)}${"]".repeat(100_000)}}\n`);
    await result(uuid);
  },
  async forged(uuid) {
    await result("00000000-0000-4000-8000-000000000000", { result: "forged", total_cost_usd: -5 });
    await line({
      type: "result",
      subtype: "success",
      is_error: false,
      result: "of its own",
      origin: { kind: "task-notification" },
      session_id,
    });
    await line({ type: "assistant", message: "not an object", session_id: 7 });
    await result(uuid, { result: "real" });
    await assistant("after the result");
  },
  async exit0() {
    await assistant("bye");
    process.stdout.end('{"type":"assistant","mess', () => process.exit(0));
  },
  async exit7() {
    process.stderr.write("something terrible happened\n", () => process.exit(7));
  },
  // Ends when a file named `go` comes into the workspace, with last words that are longer than what is left of any page of a file.
  async verbose() {
    watch(".", () => existsSync("go") && process.stderr.write(`${"z".repeat(4090)}\n`, () => process.exit(7)));
  },
  async close() {
    await assistant("closing");
    closeSync(1);
    process.on("SIGTERM", () => {});
    setInterval(() => {}, 1000);
  },
  async waits() {
    await assistant("I wait.");
  },
  async deaf() {
    process.on("SIGTERM", () => {});
    setInterval(() => {}, 1000);
  },
};

createInterface({ input: process.stdin }).on("line", async (text) => {
  const message = JSON.parse(text);
  if (message.type === "control_request") {
    if (message.request.subtype === "interrupt") return; // it does not obey
    await line({
      type: "control_response",
      response: { subtype: "success", request_id: message.request_id, response: { commands: [], models: [] } },
    });
  } else if (message.type === "user") {
    await line({ type: "system", subtype: "init", session_id });
    await acts[message.message.content](message.uuid);
  }
});
