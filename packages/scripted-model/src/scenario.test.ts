import { writeFile } from "node:fs/promises";
import { temporaryFolder } from "@ccr/testkit";
import { expect, test } from "vitest";
import { loadScenario, parseScenario } from "./scenario.ts";

const turn = { blocks: [{ type: "text", text: "hi" }] };

test.each([
  [{}, "name: "],
  [{ name: "x", rules: [{ turns: [] }] }, "rules[0].turns: "],
  [{ name: "x", rules: [{ match: { contain: "a" }, turns: [turn] }] }, 'rules[0].match: Unrecognized key: "contain"'],
  [{ name: "x", rules: [{ match: { matches: "(" }, turns: [turn] }] }, "rules[0].match.matches: is not a regular expression"],
  [{ name: "x", rules: [{ turns: [{ blocks: [{ type: "txt", text: "a" }] }] }] }, "rules[0].turns[0].blocks[0].type: "],
  [{ name: "x", rules: [{ turns: [turn, { error: { status: "500" } }] }] }, "rules[0].turns[1].error.status: "],
  [{ name: "x", rules: [{ turns: [{ stall: "forever" }] }] }, "rules[0].turns[0].stall: "],
  [
    { name: "x", rules: [{ turns: [{ choose: [{ when: { toolFailed: true }, ...turn }] }] }] },
    "the last alternative must have no 'when'",
  ],
  [
    { name: "x", rules: [{ turns: [{ choose: [{ when: {}, ...turn }, turn] }] }] },
    "a condition needs at least one of its fields",
  ],
])("says where %j is wrong", (scenario, message) => {
  expect(() => parseScenario(scenario, "file.json")).toThrow(/^file\.json is not a valid scenario: /);
  expect(() => parseScenario(scenario, "file.json")).toThrow(message);
});

test("names the file that is missing or not JSON", async () => {
  await using folder = await temporaryFolder();
  await expect(loadScenario(folder.join("none.json"))).rejects.toThrow(/none\.json cannot be read: ENOENT/);
  await writeFile(folder.join("bad.json"), "{");
  await expect(loadScenario(folder.join("bad.json"))).rejects.toThrow(/bad\.json is not JSON: /);
});
