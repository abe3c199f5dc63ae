import type { AgentBody, RunnerBody } from "@ccr/protocol";
import { seededRandom } from "../faults/random.ts";

/** A message before it has a place in a transcript. */
export type Made = { at: string } & ({ source: "agent"; body: AgentBody } | { source: "runner"; body: RunnerBody });

const SESSION = "6a3e1d52-0c7e-4f0f-9b1c-5a1f0f3f7c11";
const BEGUN = Date.parse("2026-11-20T08:00:00.000Z");
const STEPS = 5;
const WORDS =
  "the parser reads each token and keeps its position so that an error can name the line it stands on while tests expect a value that was cached before".split(
    " ",
  );

/** What a long run of Claude Code says, of every kind and in sizes as they are seen: the same for the same seed. */
export const makeMessages = function* (count: number, seed: number): Generator<Made> {
  const random = seededRandom(seed).next;
  const between = (least: number, most: number): number => least + Math.floor(random() * (most - least + 1));
  /** Mostly little, now and then much. */
  const some = (usual: number, most: number): number => Math.min(most, Math.ceil(usual * (0.2 - Math.log(1 - random() * 0.999))));
  const words = (length: number): string => Array.from({ length }, () => WORDS[between(0, WORDS.length - 1)]).join(" ");
  const codeLine = (): string =>
    `${"  ".repeat(between(0, 3))}const ${words(1)}_${between(1, 999)} = ${words(1)}(${words(between(1, 5))});`;
  const lines = (length: number, line: () => string): string => Array.from({ length }, line).join("\n");
  let calls = 0;
  let answers = 0;
  let made = 0;
  const stamp = (): string => new Date(BEGUN + made++ * 700).toISOString();
  const we = (body: RunnerBody): Made => ({ at: stamp(), source: "runner", body });
  const agent = (body: AgentBody): Made => ({
    at: stamp(),
    source: "agent",
    body: { session_id: SESSION, uuid: `u-${made}`, ...body },
  });
  const says = (block: unknown, parent: string | null): Made =>
    agent({
      type: "assistant",
      parent_tool_use_id: parent,
      message: {
        id: `msg_${++answers}`,
        role: "assistant",
        model: parent === null ? "claude-opus-4-5" : "claude-haiku-4-5",
        content: [block],
        usage: {
          input_tokens: between(2, 40),
          cache_read_input_tokens: between(20_000, 90_000),
          cache_creation_input_tokens: between(100, 3000),
          output_tokens: between(20, 900),
        },
      },
    });
  type Call = { name: string; input: Record<string, unknown>; gives: string; structured?: unknown; isError?: boolean };
  const called = function* (
    call: Call,
    parent: string | null,
    inside: (id: string) => Generator<Made> = nothing,
  ): Generator<Made> {
    const id = `toolu_${String(++calls).padStart(8, "0")}`;
    yield says({ type: "tool_use", id, name: call.name, input: call.input }, parent);
    yield* inside(id);
    yield agent({
      type: "user",
      parent_tool_use_id: parent,
      message: {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: id, content: call.gives, ...(call.isError === true ? { is_error: true } : {}) },
        ],
      },
      ...(call.structured === undefined ? {} : { tool_use_result: call.structured }),
    });
  };
  const path = (): string => `/workspace/src/${words(1)}/${words(1)}-${between(1, 60)}.ts`;
  const bash = (): Call => {
    const stdout = lines(some(18, 400), () => `${between(1, 999)} ${words(between(3, 12))}`);
    const isError = random() < 0.06;
    const command = random() < 0.5 ? "npm test -- --watch=false" : `grep -rn ${words(2)} src | head -${between(5, 50)}`;
    return {
      name: "Bash",
      input: { command, description: words(4) },
      gives: isError ? `Exit code 1\n${stdout}` : stdout,
      isError,
      structured: isError ? `Error: Exit code 1\n${stdout}` : { stdout, stderr: "", interrupted: false, isImage: false },
    };
  };
  const read = (): Call => {
    const content = lines(some(90, 1500), codeLine);
    const file = path();
    return {
      name: "Read",
      input: { file_path: file },
      gives: content
        .split("\n")
        .map((line, index) => `${String(index + 1).padStart(6)}→${line}`)
        .join("\n"),
      structured: { type: "text", file: { filePath: file, content, numLines: 1, startLine: 1, totalLines: 1 } },
    };
  };
  const edit = (): Call => {
    const file = path();
    const before = lines(between(1, 8), codeLine);
    const after = lines(between(1, 14), codeLine);
    return {
      name: "Edit",
      input: { file_path: file, old_string: before, new_string: after },
      gives: `The file ${file} has been updated.`,
      structured: {
        filePath: file,
        oldString: before,
        newString: after,
        originalFile: lines(some(90, 800), codeLine),
        structuredPatch: [
          {
            oldStart: 10,
            oldLines: 8,
            newStart: 10,
            newLines: 14,
            lines: [...before.split("\n").map((line) => `-${line}`), ...after.split("\n").map((line) => `+${line}`)],
          },
        ],
        userModified: false,
        replaceAll: false,
      },
    };
  };
  const write = (): Call => ({
    name: "Write",
    input: { file_path: path(), content: lines(some(40, 400), codeLine) },
    gives: "File created successfully.",
  });
  const grep = (): Call => ({
    name: "Grep",
    input: { pattern: words(1), path: "src", output_mode: "content" },
    gives: lines(some(12, 200), () => `src/${words(1)}.ts:${between(1, 900)}:${codeLine()}`),
  });
  const todos = (): Call => ({
    name: "TodoWrite",
    input: {
      todos: Array.from({ length: 8 }, (_, index) => ({
        content: words(6),
        activeForm: words(6),
        status: index < 3 ? "completed" : "pending",
      })),
    },
    gives: "Todos have been modified successfully.",
  });
  const markdown = (): string =>
    random() < 0.3
      ? `${words(between(6, 30))}.\n\n- ${words(8)}\n- \`${words(1)}\` and **${words(2)}**\n\n\`\`\`ts\n${lines(between(2, 8), codeLine)}\n\`\`\`\n`
      : `${words(between(8, 60))}.`;
  const one = function* (parent: string | null): Generator<Made> {
    const kind = random();
    if (kind < 0.12) yield says({ type: "thinking", thinking: words(between(20, 160)), signature: "x".repeat(300) }, parent);
    else if (kind < 0.3) yield says({ type: "text", text: markdown() }, parent);
    else if (kind < 0.55) yield* called(bash(), parent);
    else if (kind < 0.75) yield* called(read(), parent);
    else if (kind < 0.87) yield* called(edit(), parent);
    else if (kind < 0.9) yield* called(write(), parent);
    else if (kind < 0.97) yield* called(grep(), parent);
    else yield* called(todos(), parent);
  };
  const subagent = function* (): Generator<Made> {
    const inside = function* (id: string): Generator<Made> {
      for (let index = between(5, 25); index > 0; index -= 1) yield* one(id);
    };
    yield* called(
      { name: "Task", input: { description: words(5), prompt: words(60), subagent_type: "Explore" }, gives: words(120) },
      null,
      inside,
    );
  };
  yield we({ type: "status", status: "starting", sentence: "The run starts." });
  yield we({ type: "stage", stage: "clone", state: "started", text: "Cloning the repository" });
  yield we({ type: "stage", stage: "clone", state: "finished", text: "Cloned the repository", durationMs: 800 });
  yield we({ type: "status", status: "running", sentence: "The run works." });
  for (let step = 0; step < STEPS; step += 1) {
    const until = Math.floor((count * (step + 1)) / STEPS) - 8;
    yield we({ type: "step_started", stepIndex: step, attempt: 1, instructions: words(30) });
    yield agent({
      type: "system",
      subtype: "init",
      model: "claude-opus-4-5",
      claude_code_version: "2.1.330",
      cwd: "/workspace",
      tools: ["Bash", "Read", "Edit"],
    });
    while (made < until) {
      const kind = random();
      if (kind < 0.012) yield* subagent();
      else if (kind < 0.016) yield we({ type: "note", text: words(10) });
      else yield* one(null);
    }
    yield agent({
      type: "result",
      subtype: "success",
      is_error: false,
      num_turns: 900,
      duration_ms: 900_000,
      total_cost_usd: (step + 1) * 3.2,
      usage: { input_tokens: 10_000, output_tokens: 90_000 },
      modelUsage: {
        "claude-opus-4-5": { inputTokens: 9000 * (step + 1), outputTokens: 80_000 * (step + 1), costUSD: 3 * (step + 1) },
      },
    });
    yield we({ type: "check_started", stepIndex: step, attempt: 1, command: "npm test" });
    yield we({
      type: "check_finished",
      stepIndex: step,
      attempt: 1,
      result: {
        command: "npm test",
        outcome: { kind: "exited", exitCode: 0 },
        passed: true,
        output: words(200),
        outputTruncated: false,
        durationMs: 4000,
      },
    });
    yield we({ type: "step_finished", stepIndex: step, attempt: 1, passed: true });
  }
};

const nothing = function* (): Generator<Made> {};
