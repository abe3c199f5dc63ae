import { parseScenario, startScriptedModel } from "@ccr/scripted-model";
import { expect, test } from "vitest";
import { judgeAnswer, testModel } from "./model.ts";

const never = new AbortController().signal;
const scenario = parseScenario({ name: "quiet", rules: [{ turns: [{ blocks: [{ type: "text", text: "Hello." }] }] }] });
const KEY = "sk-ant-api03-the-real-key";

test("says that a credential is taken, or is not, by asking the route that runs use, and asks the model nothing", async () => {
  await using model = await startScriptedModel({ scenario, credential: KEY });
  const url = new URL(model.url);
  expect(await testModel({ kind: "api_key", value: KEY }, url, never)).toEqual({
    works: true,
    sentence: `${url.host} takes it.`,
  });
  expect(await testModel({ kind: "oauth_token", value: KEY }, url, never)).toMatchObject({ works: true });
  const refused = await testModel({ kind: "api_key", value: "sk-wrong" }, url, never);
  expect(refused).toMatchObject({ works: false });
  expect(refused.sentence).toContain("does not take it");
  expect(refused.sentence).not.toContain("sk-wrong");
  expect(new Set(model.requests.map(({ path }) => path))).toEqual(new Set(["/v1/messages/count_tokens"]));
});

test("says that nobody answers", async () => {
  const model = await startScriptedModel({ scenario });
  const url = new URL(model.url);
  await model[Symbol.asyncDispose]();
  const gone = await testModel({ kind: "api_key", value: KEY }, url, never);
  expect(gone).toMatchObject({ works: false });
  expect(gone.sentence).toContain("cannot be reached");
});

const error = (type: string, message: string) => JSON.stringify({ type: "error", error: { type, message } });

test.each([
  [404, error("not_found_error", "model: claude-x"), true, "does not know the model"],
  [404, "<html>", false, "Check ANTHROPIC_BASE_URL"],
  [429, error("rate_limit_error", "Later."), true, "allows no more requests for now. It says: Later."],
  [529, error("overloaded_error", "Overloaded"), false, "Test again later"],
  [302, "", false, "status 302"],
])("reads an answer with status %i", (status, body, works, words) => {
  const judged = judgeAnswer("api.test", { status, body });
  expect(judged.works).toBe(works);
  expect(judged.sentence).toContain(words);
});
