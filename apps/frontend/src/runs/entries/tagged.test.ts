import { expect, test } from "vitest";
import { readTagged } from "./tagged.ts";

test.each([
  [
    "<command-message>review</command-message>\n<command-name>/review</command-name>\n<command-args>src now</command-args>",
    { kind: "command", name: "/review", args: "src now" },
  ],
  ["<bash-input>ls -l</bash-input>", { kind: "command", name: "!", args: "ls -l" }],
  ["<local-command-stdout>Compacted </local-command-stdout>", { kind: "output", text: "Compacted", isError: false }],
  ["<bash-stdout>a</bash-stdout><bash-stderr>b</bash-stderr>", { kind: "output", text: "a\nb", isError: false }],
  ["<local-command-stderr>no such command</local-command-stderr>", { kind: "output", text: "no such command", isError: true }],
  [
    "<task-notification>\n<task-id>b1</task-id><summary>It ended</summary><result>All well</result></task-notification>",
    { kind: "notification", text: "It ended\n\nAll well" },
  ],
  ["Please write <command-name>/x</command-name> into the README", null],
  ["<command-name>never ended", null],
  ["<task-notification></task-notification>", null],
  ["", null],
])("of %j it reads %j", (text, tagged) => {
  expect(readTagged(text)).toEqual(tagged);
});
