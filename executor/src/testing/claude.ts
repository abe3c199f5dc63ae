import { readFile } from "node:fs/promises";
import type { SpoolEvent } from "@ccr/protocol";
import { parseScenario, type ScenarioInput, startScriptedModel } from "@ccr/scripted-model";
import { collect, executorFolder, startExecutor, type TestExecutor } from "./executor.ts";

export type Turn = ScenarioInput["rules"][number]["turns"][number];
/** A turn of the model that only says something. */
export const say = (text: string): Turn => ({ blocks: [{ type: "text", text }] });
/** A turn of the model that runs a command. */
export const bash = (command: string, text = "I run it."): Turn => ({
  blocks: [
    { type: "text", text },
    { type: "tool_use", name: "Bash", input: { command } },
  ],
});
/** Claude Code refuses a plain `sleep`. */
export const wait = (seconds: number) => `timeout ${seconds} tail -f /dev/null`;

/** A rule for every text that a prompt may hold. */
export const rules = (turns: Record<string, Turn[]>): ScenarioInput["rules"] => [
  ...Object.entries(turns).map(([contains, list]) => ({ match: { contains }, turns: list })),
];

/** A scripted model and an executor that asks it. Disposing ends both. */
export const setUp = async (turns: Record<string, Turn[]>, env: Record<string, string> = {}) => {
  const folder = await executorFolder();
  const model = await startScriptedModel({ scenario: parseScenario({ name: "test", rules: rules(turns) }) });
  const start = (more: Record<string, string> = {}) =>
    startExecutor({ folder, env: { ANTHROPIC_BASE_URL: model.url, CLAUDE_CODE_MAX_RETRIES: "2", ...env, ...more } });
  const executor = await start();
  return {
    folder,
    model,
    executor,
    start,
    [Symbol.asyncDispose]: async () => {
      await executor[Symbol.asyncDispose]();
      await model[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
};

/** Executes a prompt and reads to its end. */
export const execute = async (executor: TestExecutor, input: object): Promise<SpoolEvent[]> =>
  collect(await executor.stream("POST", "/execute", input));
/** The conversations that events belong to. */
export const sessions = (events: readonly SpoolEvent[]) =>
  new Set(
    events.flatMap(({ source, body }) => (source === "agent" && typeof body.session_id === "string" ? [body.session_id] : [])),
  );
/** What kinds of events these are, in order. */
export const kinds = (events: readonly SpoolEvent[]) => events.map(({ body }) => body.type);
/** All that tools gave, as one text. */
export const toolResults = (events: readonly SpoolEvent[]) => JSON.stringify(events.filter(({ body }) => body.type === "user"));
/** The number of the newest event, from `/health`. */
export const lastSeq = async (executor: TestExecutor): Promise<number> => {
  const { json } = await executor.ask("GET", "/health");
  return typeof json === "object" && json !== null && "lastSeq" in json ? Number(json.lastSeq) : -1;
};

/** The agent of an executor: the process with its mark that is Claude Code itself. */
export const agentPid = async (executor: TestExecutor): Promise<number> => {
  const children = await readFile(`/proc/${executor.child.pid}/task/${executor.child.pid}/children`, "utf8");
  for (const pid of children.trim().split(/\s+/)) {
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (command.includes("stream-json")) return Number(pid);
  }
  throw new Error("the executor has no agent");
};

/** Reads until an event is seen; the rest stays unread. */
export const readUntil = async (
  iterator: AsyncIterator<SpoolEvent>,
  seen: (event: SpoolEvent) => boolean,
): Promise<SpoolEvent[]> => {
  const events: SpoolEvent[] = [];
  for (;;) {
    const { value, done } = await iterator.next();
    if (done === true) throw new Error(`the stream ended before that was seen: ${JSON.stringify(kinds(events))}`);
    events.push(value);
    if (seen(value)) return events;
  }
};
/** Whether the agent starts a tool with this. */
export const isToolUse = ({ body }: SpoolEvent) => body.type === "assistant" && JSON.stringify(body).includes('"tool_use"');
