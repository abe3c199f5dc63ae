import { parseScenario } from "@ccr/scripted-model";
import { createGitRepository } from "@ccr/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { driversUnderTest } from "./src/drivers.ts";
import { loadScenarios } from "./src/scenario.ts";
import { allMessages } from "./src/server.ts";
import { type Stack, startStack } from "./src/stack.ts";

describe.each(await driversUnderTest())("on %s", (driver) => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ driver });
  });
  afterAll(() => stack?.[Symbol.asyncDispose]());

  it.each(loadScenarios().map((scenario) => [scenario.name, scenario] as const))("%s", async (name, scenario) => {
    const { server, model, repositories } = stack;
    const { client } = server;
    model.setScenario(parseScenario(scenario.model));
    const requestsBefore = model.requests.length;
    await using repository = await createGitRepository({ path: `${repositories}/${name}`, files: scenario.repository });
    const task = await client.tasks.create.mutate(scenario.task);
    const { id } = await client.runs.create.mutate({
      taskId: task.id,
      repository: repository.path,
      ...(scenario.ref === undefined ? {} : { ref: scenario.ref }),
      ...(scenario.limits === undefined ? {} : { limits: scenario.limits }),
    });
    const run = await server.untilFinal(id);
    const { expected } = scenario;
    const messages = await allMessages(client, id);
    const text = messages.map(({ body }) => JSON.stringify(body)).join("\n");

    expect({ status: run.status, reason: run.reason, sentence: run.sentence }).toMatchObject({
      status: expected.status,
      reason: expected.reason,
    });
    if (expected.sentence !== undefined) expect(run.sentence).toContain(expected.sentence);
    for (const part of expected.transcript) expect(text).toContain(part);
    for (const part of expected.notInTranscript) expect(text).not.toContain(part);
    expect(messages.map(({ seq }) => seq)).toEqual(messages.map((_, index) => index + 1));
    expect(messages.at(-1)?.body).toMatchObject({ type: "status", status: expected.status, reason: expected.reason });
    if (expected.changes !== undefined) {
      const diff = await client.runs.diff.query({ id });
      expect(diff.files.map((file) => file.path).sort()).toEqual(Object.keys(expected.changes).sort());
      for (const part of Object.values(expected.changes)) expect(diff.patch).toContain(part);
    }
    if (expected.conversations !== undefined) {
      const sessions = new Set(
        messages.flatMap(({ source, body }) => (source === "agent" && body.type === "assistant" ? [body.session_id] : [])),
      );
      expect(sessions.size).toBe(expected.conversations);
    }
    expect(model.requests.length).toBeGreaterThan(requestsBefore);
    expect(await client.instances.list.query()).toEqual([]);
  });
});
