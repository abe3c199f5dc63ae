import { expect, test } from "vitest";
import { choose } from "./choose.ts";
import { MessagesRequest, readFacts } from "./request.ts";
import { parseScenario, type ScenarioInput } from "./scenario.ts";

const user = (...content: unknown[]) => ({ role: "user", content });
const text = (value: string) => ({ type: "text", text: value });
const result = (content: unknown, is_error = false) => ({ type: "tool_result", tool_use_id: "t", content, is_error });
const assistant = { role: "assistant", content: [{ type: "tool_use", id: "t", name: "Bash", input: {} }] };
const reminder = text("<system-reminder>\nBe brief.\n</system-reminder>");

const facts = (messages: object[], rest: object = {}) =>
  readFacts(MessagesRequest.parse({ model: "claude-x", tools: [{ name: "Bash" }], messages, ...rest }));

test("finds the person's newest text and counts the answers since, past reminders, notes and tool results", () => {
  const found = facts([
    user(reminder, text("First wish")),
    assistant,
    user(result("old")),
    assistant,
    user(text("Second"), reminder, text("wish")),
    { role: "system", content: "# Environment\n - Primary working directory: /work space\nTodoWrite\nWebFetch" },
    assistant,
    user(result([text("line one")], true), result("line two")),
    { role: "system", content: [text("a note")] },
    assistant,
    user(reminder),
  ]);
  expect(found.userText).toBe("Second\nwish");
  expect(found.turn).toBe(2);
  expect(found.toolResults).toEqual(["line one", "line two"]);
  expect(found.toolFailed).toBe(true);
  expect(found.workingDirectory).toBe("/work space");
  expect([found.offers("Bash"), found.offers("TodoWrite"), found.offers("TodoWri"), found.offers("Grep")]).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

test("a person's words beside a tool result begin a new turn", () => {
  const found = facts([user(text("One")), assistant, user(result("r"), text("Stop, do this instead"))]);
  expect([found.userText, found.turn, found.toolResults]).toEqual(["Stop, do this instead", 0, []]);
});

test("what a tool printed cannot pass for the list of offered tools", () => {
  const found = facts([user(text("One")), assistant, user(result("TodoWrite\n"))]);
  expect(found.offers("TodoWrite")).toBe(false);
});

const play = (rules: ScenarioInput["rules"], about: ReturnType<typeof facts>) => {
  const choice = choose(parseScenario({ name: "s", rules }), about, () => false);
  return [choice.rule, choice.play.kind === "reply" ? choice.play.blocks : choice.play.failure];
};
const say = (words: string) => [{ blocks: [{ type: "text" as const, text: words }] }];

test("plays the first rule that matches, by text, pattern, model and side", () => {
  const rules: ScenarioInput["rules"] = [
    { name: "title", match: { side: true }, turns: say("title") },
    { name: "model", match: { model: "haiku" }, turns: say("{{model}}") },
    { name: "pattern", match: { matches: "^run: (.+)$" }, turns: say("{{match.1}} {{match.2}} {{other}}") },
    { name: "contains", match: { contains: "hello" }, turns: say("{{userText}}") },
  ];
  const of = (words: string, rest: object = {}) => play(rules, facts([user(text(words))], rest));
  expect(of("hello", { tools: [] })).toEqual(["title", [text("title")]]);
  expect(of("hello", { model: "claude-haiku-5" })).toEqual(["model", [text("claude-haiku-5")]]);
  expect(of("run: ls {{cwd}}")).toEqual(["pattern", [text("ls {{cwd}}  {{other}}")]]);
  expect(of("say hello")).toEqual(["contains", [text("say hello")]]);
  expect(of("goodbye")).toEqual([
    null,
    [
      text(
        "The scripted model has no answer to this request: none of the 4 rules of the scenario 's' matches. The newest text begins: goodbye",
      ),
    ],
  ]);
  const [, blocks] = play(rules.slice(1), facts([user(text("hello"))], { tools: [] }));
  expect(JSON.stringify(blocks)).toContain("offers no tools");
});

test("branches on the tool results, and leaves out blocks whose condition does not hold", () => {
  const rules: ScenarioInput["rules"] = [
    {
      turns: [
        { blocks: [] },
        {
          choose: [
            { when: { toolFailed: true, toolResultContains: "boom" }, blocks: [{ type: "text", text: "failed" }] },
            { when: { toolResultMatches: "fail [1-9]" }, error: { status: 500 } },
            {
              blocks: [
                { type: "text", text: "fine: {{lastToolResult}}" },
                { type: "tool_use", name: "TodoWrite", when: { toolOffered: "TodoWrite" } },
              ],
            },
          ],
        },
      ],
    },
  ];
  const after = (...results: unknown[]) => play(rules, facts([user(text("go")), assistant, user(...results)]))[1];
  expect(after(result("big boom", true))).toEqual([text("failed")]);
  expect(after(result("big boom"))).toEqual([text("fine: big boom")]);
  expect(after(result("fail 3"), result("ok"))).toMatchObject({ error: { status: 500 } });
  expect(after(result("fail 0"), result("ok"))).toEqual([text("fine: ok")]);
});

test("a conversation that is gone on with under another prompt keeps its rule, and what its tools said is remembered", () => {
  const rules: ScenarioInput["rules"] = [
    {
      match: { matches: "COUNT (\\w) to (\\d+)", scope: "conversation" },
      remember: { last: { matches: "did {{match.1}}-(\\d+)", otherwise: "0" } },
      turns: [
        {
          choose: [
            { when: { toolResultContains: "enough" }, blocks: [{ type: "text", text: "done" }] },
            { blocks: [{ type: "text", text: "{{match.1}} after {{remembered.last}} of {{match.2}}, {{remembered.other}}" }] },
          ],
          repeat: 3,
        },
      ],
    },
  ];
  const said = (...messages: object[]) => play(rules, facts(messages))[1];
  const first = [user(text("COUNT a to 9")), assistant, user(result("did a-1"))];
  const second = [...first, user(text("COUNT b to 5")), assistant, user(result("did a-7")), assistant, user(result("did b-2"))];
  expect(said(user(text("COUNT a to 9")))).toEqual([text("a after 0 of 9, {{remembered.other}}")]);
  expect(said(...first)).toEqual([text("a after 1 of 9, {{remembered.other}}")]);
  expect(said(...second)).toEqual([text("b after 2 of 5, {{remembered.other}}")]);
  expect(said(...second, assistant, user(text("Go on where you stopped.")))).toEqual([
    text("b after 2 of 5, {{remembered.other}}"),
  ]);
  expect(said(...first, assistant, user(result("enough")))).toEqual([text("done")]);
  expect(JSON.stringify(said(user(text("Go on where you stopped."))))).toContain("no answer to this request");
  expect(facts([...second, assistant, user(result("new"), result("er"))]).newToolResults).toEqual([
    { id: "t", text: "new" },
    { id: "t", text: "er" },
  ]);
});

test("what a rule matched does not become part of the expression that remembers", () => {
  const rules: ScenarioInput["rules"] = [
    {
      match: { matches: "find (.+)" },
      remember: { it: { matches: "^{{match.1}}=(.*)$" } },
      turns: [{ blocks: [{ type: "text", text: "[{{remembered.it}}]" }], repeat: 2 }],
    },
  ];
  expect(play(rules, facts([user(text("find a.c")), assistant, user(result("abc=1"))]))[1]).toEqual([text("[]")]);
  expect(play(rules, facts([user(text("find a.c")), assistant, user(result("a.c=2"))]))[1]).toEqual([text("[2]")]);
});
