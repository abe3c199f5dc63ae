import { describe, expect, test } from "vitest";
import { deriveEntries, emptyTranscript, extendTranscript } from "./derive.ts";
import { answer, call, hears, only, says, transcriptOf } from "./sample-messages.ts";
import { toolSubject } from "./tool-subject.ts";

describe("the agent's list", () => {
  const todosOf = (...parts: Parameters<typeof transcriptOf>) =>
    extendTranscript(emptyTranscript(), transcriptOf(...parts)).todos;

  test("TodoWrite replaces it, once it worked", () => {
    const write = (id: string, status: string) =>
      says(call(id, "TodoWrite", { todos: [{ content: "a", status, activeForm: "doing a" }] }));
    expect(
      todosOf(write("1", "pending"), hears([answer("1", "ok")]), write("2", "completed"), hears([answer("2", "no", true)])),
    ).toEqual([{ id: "1", text: "a", activeText: "doing a", status: "pending" }]);
  });

  test("a call that changes one of them names it", () => {
    const entries = deriveEntries(
      transcriptOf(
        says(call("1", "TaskCreate", { subject: "Read the code", description: "d" })),
        hears([answer("1", "Task #1 created successfully: Read the code")]),
        says(call("2", "TaskUpdate", { taskId: "1", status: "in_progress" })),
        says(call("3", "TaskUpdate", { taskId: "9", status: "completed" })),
      ),
    );
    expect(only(entries, "tool").map(({ name, input, about }) => toolSubject(name, input, about))).toEqual([
      "Read the code",
      "Read the code · in progress",
      "#9 · completed",
    ]);
  });

  test("TaskCreate and TaskUpdate change it one by one", () => {
    expect(
      todosOf(
        says(call("1", "TaskCreate", { subject: "Read", description: "d" })),
        hears([answer("1", "Task #7 created successfully: Read")]),
        says(call("2", "TaskCreate", { subject: "Write", description: "d" })),
        hears([answer("2", "ok")], { tool_use_result: { task: { id: "8", subject: "Write" } } }),
        says(call("3", "TaskCreate", { subject: "Drop", description: "d" })),
        hears([answer("3", "Task #9 created")]),
        says(call("4", "TaskUpdate", { taskId: "7", status: "completed" })),
        hears([answer("4", "Updated task #7")]),
        says(call("5", "TaskUpdate", { taskId: "9", status: "deleted" })),
        hears([answer("5", "Updated")]),
      ).map(({ id, text, status }) => [id, text, status]),
    ).toEqual([
      ["7", "Read", "completed"],
      ["8", "Write", "pending"],
    ]);
  });
});
