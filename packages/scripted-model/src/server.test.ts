import { readFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { temporaryFolder, waitFor } from "@ccr/testkit";
import { describe, expect, test } from "vitest";
import { parseScenario, type ScenarioInput } from "./scenario.ts";
import { type ScriptedModel, type ScriptedModelOptions, startScriptedModel } from "./server.ts";

type Turns = ScenarioInput["rules"][number]["turns"];

const start = (turns: Turns, options: Omit<ScriptedModelOptions, "scenario"> & { pace?: ScenarioInput["pace"] } = {}) => {
  const { pace, ...rest } = options;
  const rules = [{ name: "only", match: { side: "either" as const }, turns }];
  return startScriptedModel({ scenario: parseScenario({ name: "test", rules, ...(pace ? { pace } : {}) }), ...rest });
};

const ask = (model: ScriptedModel, body: object = {}, init: RequestInit = {}) =>
  fetch(`${model.url}/v1/messages?beta=true`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": "sk-one" },
    body: JSON.stringify({ model: "claude-x", max_tokens: 100, messages: [{ role: "user", content: "Hi" }], ...body }),
    ...init,
  });

interface Event {
  type: string;
  index?: number;
  content_block?: { type: string };
  delta?: Record<string, string>;
  [field: string]: unknown;
}

const events = async (response: Response): Promise<Event[]> =>
  (await response.text())
    .split("\n\n")
    .filter((part) => part !== "")
    .map((part) => {
      const [first = "", second = ""] = part.split("\n");
      const event: Event = JSON.parse(second.replace(/^data: /, ""));
      expect(first).toBe(`event: ${event.type}`);
      return event;
    });

const joined = (list: Event[], field: string) => list.map((event) => event.delta?.[field] ?? "").join("");

describe("answers", () => {
  const blocks: Turns = [
    {
      blocks: [
        { type: "thinking", thinking: "Let me think about this.", signature: "c2ln" },
        { type: "text", text: { lines: ["Grüße, 🙂🙂", "two"] } },
        { type: "tool_use", name: "Bash", input: { command: "ls -la /tmp", nested: [{ deep: { repeat: "ab", times: 3 } }] } },
      ],
    },
  ];

  test("streams every kind of block in the order and form of the real API", async () => {
    await using model = await start(blocks, { pace: { chunkCharacters: 3 } });
    const response = await ask(model, { stream: true });
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    expect(response.headers.get("request-id")).toMatch(/^req_/);
    const list = await events(response);
    const shape = list.map(({ type, index, content_block }) =>
      [type, index, content_block?.type].filter((x) => x !== undefined).join(" "),
    );
    expect(shape.filter((each, place) => each !== shape[place - 1])).toEqual([
      "message_start",
      "content_block_start 0 thinking",
      "ping",
      "content_block_delta 0",
      "content_block_stop 0",
      "content_block_start 1 text",
      "content_block_delta 1",
      "content_block_stop 1",
      "content_block_start 2 tool_use",
      "content_block_delta 2",
      "content_block_stop 2",
      "message_delta",
      "message_stop",
    ]);
    expect(list[0]).toMatchObject({ message: { role: "assistant", model: "claude-x", content: [], stop_reason: null } });
    expect(joined(list, "thinking")).toBe("Let me think about this.");
    expect(joined(list, "signature")).toBe("c2ln");
    expect(joined(list, "text")).toBe("Grüße, 🙂🙂\ntwo");
    expect(list.every((event) => event.delta?.text?.isWellFormed() ?? true)).toBe(true);
    const parts = list.filter((event) => event.delta?.type === "input_json_delta");
    expect(parts.length).toBeGreaterThan(3);
    expect(JSON.parse(joined(parts, "partial_json"))).toEqual({ command: "ls -la /tmp", nested: [{ deep: "ababab" }] });
    expect(list.at(-2)).toMatchObject({ delta: { stop_reason: "tool_use" }, usage: { output_tokens: expect.any(Number) } });
  });

  test("gives the same answer as one JSON message", async () => {
    await using model = await start(blocks);
    const message = await (await ask(model)).json();
    expect(message).toMatchObject({
      type: "message",
      stop_reason: "tool_use",
      content: [
        { type: "thinking", signature: "c2ln" },
        { type: "text", text: "Grüße, 🙂🙂\ntwo" },
        { type: "tool_use", id: expect.stringMatching(/^toolu_/), name: "Bash" },
      ],
    });
    expect(message.usage.output_tokens).toBe(Math.ceil((24 + 15 + 54) / 4));
  });

  test("streams five megabytes as fast as they are read, in at most 2,000 pieces", async () => {
    await using model = await start([{ blocks: [{ type: "text", text: { repeat: "0123456789", times: 500_000 } }] }]);
    const list = await events(await ask(model, { stream: true }));
    expect(joined(list, "text")).toBe("0123456789".repeat(500_000));
    expect(list.length).toBeLessThanOrEqual(2_010);
    await waitFor(() => model.requests[0]?.end === "finished");
    expect(model.requests[0]?.sentBytes).toBeGreaterThan(5_000_000);
  });

  test("waits before the first byte and between the pieces", async () => {
    const pace = { firstByteMs: 80, betweenChunksMs: 20, chunkCharacters: 5 };
    await using model = await start([{ blocks: [{ type: "text", text: "x".repeat(25) }], pace }]);
    const began = performance.now();
    const response = await ask(model, { stream: true });
    expect(performance.now() - began).toBeGreaterThanOrEqual(79);
    expect(joined(await events(response), "text")).toHaveLength(25);
    expect(performance.now() - began).toBeGreaterThanOrEqual(80 + 4 * 20 - 5);
  });

  test("plays the turn that follows from the conversation, and says so when there are no more", async () => {
    const say = (text: string) => ({ blocks: [{ type: "text" as const, text }] });
    await using model = await start([say("one"), { ...say("two"), repeat: 2 }, say("three")]);
    const after = async (turns: number) => {
      const assistant = Array.from({ length: turns }, () => ({ role: "assistant", content: "…" }));
      const response = await ask(model, { messages: [{ role: "user", content: "Hi" }, ...assistant] });
      return (await response.json()).content[0].text;
    };
    expect([await after(0), await after(1), await after(2), await after(3)]).toEqual(["one", "two", "two", "three"]);
    expect(await after(4)).toContain("nothing more to say: the rule 'only'");
  });

  test("counts tokens", async () => {
    await using model = await start(blocks);
    const body = JSON.stringify({ model: "claude-x", messages: [{ role: "user", content: "x".repeat(4_000) }] });
    const response = await fetch(`${model.url}/v1/messages/count_tokens`, { method: "POST", body });
    expect((await response.json()).input_tokens).toBeCloseTo(1_000, -2);
  });
});

describe("errors", () => {
  test.each([
    [400, "invalid_request_error"],
    [401, "authentication_error"],
    [403, "permission_error"],
    [404, "not_found_error"],
    [413, "request_too_large"],
    [429, "rate_limit_error"],
    [500, "api_error"],
    [503, "api_error"],
    [529, "overloaded_error"],
  ])("answers %i with Anthropic's JSON", async (status, type) => {
    await using model = await start([{ error: { status } }]);
    const response = await ask(model, { stream: true });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ type: "error", error: { type, message: expect.stringMatching(/./) } });
  });

  test("a rate limit says when to come again", async () => {
    await using model = await start([{ error: { status: 429, retryAfterSeconds: 7, headers: { "x-should-retry": "true" } } }]);
    const { headers } = await ask(model);
    expect(headers.get("retry-after")).toBe("7");
    expect(headers.get("anthropic-ratelimit-requests-remaining")).toBe("0");
    expect(Date.parse(headers.get("anthropic-ratelimit-tokens-reset") ?? "")).toBeGreaterThan(Date.now() + 5_000);
    expect(headers.get("x-should-retry")).toBe("true");
  });

  test("faults come so many times in each conversation, then the answer; a new scenario begins anew", async () => {
    const turns: Turns = [{ faults: [{ error: { status: 529 }, times: 2 }], blocks: [{ type: "text", text: "ok" }] }];
    await using model = await start(turns);
    const from = async (session: string) => (await ask(model, {}, { headers: { "x-claude-code-session-id": session } })).status;
    expect([await from("a"), await from("b"), await from("a"), await from("a"), await from("b"), await from("b")]).toEqual([
      529, 529, 529, 200, 529, 200,
    ]);
    model.setScenario(parseScenario({ name: "again", rules: [{ match: { side: true }, turns }] }));
    expect(await from("a")).toBe(529);
  });

  test.each([
    ["GET", "/", 404],
    ["POST", "/v1/files", 404],
    ["POST", "/v1/messages/batches", 404],
    ["GET", "/v1/messages", 405],
  ])("%s %s is %i", async (method, path, status) => {
    await using model = await start([{ blocks: [] }]);
    const response = await fetch(`${model.url}${path}`, { method });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ type: "error" });
  });

  test("refuses a body that is not a request", async () => {
    await using model = await start([{ blocks: [] }]);
    const send = async (body: string) => {
      const response = await ask(model, {}, { body });
      return [response.status, (await response.json()).error.message];
    };
    expect(await send("{")).toEqual([400, "The request body is not valid JSON"]);
    expect(await send('{"model":"x"}')).toEqual([400, expect.stringContaining("messages: ")]);
    expect(await send('{"model":"x","messages":[]}')).toEqual([400, "messages: at least one message is required"]);
    expect((await send("x".repeat(33 * 1024 * 1024)))[0]).toBe(413);
    expect((await ask(model)).status).toBe(200);
  });

  test("takes only its credential when it has one", async () => {
    await using model = await start([{ blocks: [] }], { credential: "sk-right" });
    const status = async (headers: Record<string, string>) => (await ask(model, {}, { headers })).status;
    expect(await status({})).toBe(401);
    expect(await status({ "x-api-key": "sk-wrong" })).toBe(401);
    expect(await status({ "x-api-key": "sk-right" })).toBe(200);
    expect(await status({ authorization: "Bearer sk-right" })).toBe(200);
  });
});

describe("broken answers", () => {
  const text = { type: "text" as const, text: "x".repeat(100) };

  test.each([
    ["nothing", null],
    ["headers", 200],
    ["pings", 200],
  ] as const)("a stall with %s lasts until the client leaves", async (stall, status) => {
    await using model = await start([{ stall }]);
    const abort = new AbortController();
    const response = ask(model, { stream: true }, { signal: abort.signal });
    response.catch(() => {}); // it is aborted below
    if (status !== null) {
      const reader = (await response).body?.getReader();
      if (stall === "pings") expect(new TextDecoder().decode((await reader?.read())?.value)).toContain("event: ping");
    }
    await waitFor(() => model.requests[0]?.rule === "only");
    expect(model.requests[0]?.end).toBe("open");
    abort.abort();
    await waitFor(() => model.requests[0]?.end === "left");
    expect(model.requests[0]?.status).toBe(status);
  });

  test("a stall ends when the server stops", async () => {
    const model = await start([{ stall: "headers" }]);
    const response = await ask(model, { stream: true });
    const read = response.text();
    read.catch(() => {}); // awaited below
    await model[Symbol.asyncDispose]();
    await expect(read).rejects.toThrow();
    expect(model.requests[0]?.end).toBe("cut");
  });

  test("cuts the connection before the headers or after them", async () => {
    await using model = await start([{ cut: "nothing" }]);
    await expect(ask(model)).rejects.toThrow();
    model.setScenario(parseScenario({ name: "cut", rules: [{ match: { side: true }, turns: [{ cut: "headers" }] }] }));
    const response = await ask(model, { stream: true });
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow();
    expect(model.requests.map(({ end }) => end)).toEqual(["cut", "cut"]);
  });

  test("breaks off in the middle: silence, a cut, or an error event", async () => {
    const breaking = (how: "stall" | "cut" | { status: number }): Turns => [
      { blocks: [text], pace: { chunkCharacters: 10 }, breakOff: { afterCharacters: 30, how } },
    ];
    await using model = await start(breaking({ status: 529 }));
    const list = await events(await ask(model, { stream: true }));
    expect(joined(list, "text")).toHaveLength(30);
    expect(list.at(-1)).toMatchObject({ type: "error", error: { type: "overloaded_error" } });

    const rule = (turns: Turns) => parseScenario({ name: "x", rules: [{ match: { side: true }, turns }] });
    model.setScenario(rule(breaking("cut")));
    const received = await new Promise<string>((resolve, reject) => {
      const request = httpRequest(`${model.url}/v1/messages`, { method: "POST" }, (response) => {
        let body = "";
        response.on("data", (chunk) => {
          body += chunk;
        });
        response.on("error", () => resolve(body));
        response.on("end", () => reject(new Error("it ended well")));
      });
      request.end(JSON.stringify({ model: "x", stream: true, messages: [{ role: "user", content: "Hi" }] }));
    });
    expect(received.match(/text_delta/g)).toHaveLength(3);
    await expect(ask(model).then((response) => response.text())).rejects.toThrow();

    model.setScenario(rule(breaking("stall")));
    const stalled = await ask(model, { stream: true }, { signal: AbortSignal.timeout(200) });
    await expect(stalled.text()).rejects.toThrow(/abort|timeout/i);
  });
});

describe("the record", () => {
  test("holds each request, in memory up to its limit and in the file in order", async () => {
    await using folder = await temporaryFolder();
    {
      await using model = await start([{ blocks: [{ type: "text", text: "ok" }] }], {
        recordPath: folder.join("record.ndjson"),
        recordLimit: 2,
      });
      for (const path of ["/one", "/two"]) await fetch(`${model.url}${path}`);
      await ask(model);
      await waitFor(() => model.requests.at(-1)?.end === "finished");
      expect(model.requests.map(({ seq }) => seq)).toEqual([2, 3]);
    }
    const lines = (await readFile(folder.join("record.ndjson"), "utf8")).trimEnd().split("\n");
    const records = lines.map((line) => JSON.parse(line));
    expect(records.map(({ seq, path, status }) => [seq, path, status])).toEqual([
      [1, "/one", 404],
      [2, "/two", 404],
      [3, "/v1/messages?beta=true", 200],
    ]);
    expect(records[2]).toMatchObject({ model: "claude-x", rule: "only", turn: 0, headers: { "x-api-key": "sk-one" } });
    expect(records[2].bodySha256).toMatch(/^[0-9a-f]{64}$/);
  });

  test("tells which tool calls an answer held, and which results a request brought", async () => {
    await using model = await start([
      { blocks: [{ type: "tool_use", name: "Bash", input: { command: "true" } }] },
      { blocks: [{ type: "text", text: "ok" }] },
    ]);
    await ask(model);
    const [first] = model.requests;
    const id = first?.toolCalls[0]?.id ?? "";
    expect(id).toMatch(/^toolu_/);
    const call = { role: "assistant", content: [{ type: "tool_use", id, name: "Bash", input: {} }] };
    const result = { role: "user", content: [{ type: "tool_result", tool_use_id: id, content: "x".repeat(500) }] };
    await ask(model, { messages: [{ role: "user", content: "go" }, call, result] });
    expect(model.requests.map(({ toolResults, toolCalls }) => [toolResults, toolCalls])).toEqual([
      [[], [{ id, name: "Bash" }]],
      [[{ id, text: "x".repeat(200) }], []],
    ]);
  });

  test("tells which tools a request offered", async () => {
    await using model = await start([{ blocks: [{ type: "text", text: "ok" }] }]);
    await ask(model, { tools: [{ name: "Read" }, { type: "unnamed" }, { name: "Bash" }] });
    await ask(model, { tools: undefined });
    expect(model.requests.map(({ toolsOffered }) => toolsOffered)).toEqual([["Read", "Bash"], []]);
  });

  test("a record file that cannot be written ends the start", async () => {
    await expect(start([{ blocks: [] }], { recordPath: "/nonexistent/folder/file" })).rejects.toThrow("ENOENT");
  });
});
