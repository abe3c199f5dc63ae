import { spawn } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { parseScenario } from "@ccr/scripted-model";
import { createGitRepository, projectRoot, shareEngine, temporaryFolder } from "@ccr/testkit";
import { driversUnderTest } from "../src/drivers.ts";
import { subscribe } from "../src/server.ts";
import { type Stack, startStack } from "../src/stack.ts";
import { measureDelivery } from "./delivery.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "12" },
    messages: { type: "string", default: "20000" },
    out: { type: "string", default: join(projectRoot, "bench-results", "bench.json") },
    help: { type: "boolean" },
  },
});
if (values.help === true) {
  process.stdout.write("npm run bench -- [--rounds 12] [--messages 20000] [--out file.json]\n");
  process.exit(0);
}
const rounds = Math.max(10, Number(values.rounds));
const PROMPT = "Say hello.";
const scenario = { name: "bench", rules: [{ turns: [{ blocks: [{ type: "text", text: "Hello." }] }] }] };

// The agent does as little as it can, a hundred times.
const nothing = { type: "tool_use", name: "Bash", input: { command: "true", description: "Nothing" } };
const busy = {
  name: "busy",
  rules: [{ turns: [{ blocks: [nothing], repeat: 100 }, { blocks: [{ type: "text", text: "Done." }] }] }],
};

const median = (numbers: number[]): number => {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? (sorted[Math.floor(middle)] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
};
const round = (number: number, digits = 0): number => Number(number.toFixed(digits));

const claude = join(projectRoot, "node_modules/@anthropic-ai", `claude-agent-sdk-${process.platform}-${process.arch}`, "claude");

/** Milliseconds from starting `claude -p` by hand to its first answer. */
const bare = async (options: { cwd: string; home: string; modelUrl: string }): Promise<number> => {
  const startedAt = performance.now();
  const child = spawn(
    claude,
    ["-p", PROMPT, "--output-format", "stream-json", "--verbose", "--permission-mode", "bypassPermissions"],
    {
      cwd: options.cwd,
      env: {
        PATH: process.env.PATH ?? "",
        HOME: options.home,
        ANTHROPIC_BASE_URL: options.modelUrl,
        ANTHROPIC_API_KEY: "bench",
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
        IS_SANDBOX: "1",
      },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const ended = new Promise((resolve) => child.once("exit", resolve));
  let took: number | null = null;
  for await (const line of createInterface({ input: child.stdout })) {
    if (took === null && JSON.parse(line).type === "assistant") took = performance.now() - startedAt;
  }
  await ended;
  if (took === null) throw new Error("claude -p gave no answer");
  return took;
};

/** Milliseconds from calling `runs.create` to the first answer at a subscriber. */
const launched = async (stack: Stack, input: { taskId: string; repository: string }): Promise<number> => {
  const startedAt = performance.now();
  const { id } = await stack.server.client.runs.create.mutate(input);
  let took: number | null = null;
  for await (const { source, body } of subscribe(stack.server, id, null)) {
    if (took === null && source === "agent" && body.type === "assistant") took = performance.now() - startedAt;
  }
  if (took === null) throw new Error(`the run gave no answer: ${(await stack.server.client.runs.byId.query({ id })).sentence}`);
  return took;
};

/** Messages of a busy agent that reach a subscriber per second, through the spool, the door, the store and HTTP. */
const relayedPerSecond = async (stack: Stack, input: { taskId: string; repository: string }): Promise<number> => {
  const { id } = await stack.server.client.runs.create.mutate(input);
  let first: number | null = null;
  let last = 0;
  let count = 0;
  for await (const { source } of subscribe(stack.server, id, null)) {
    if (source !== "agent") continue;
    last = performance.now();
    first ??= last;
    count++;
  }
  return first === null ? 0 : count / ((last - first) / 1000);
};

const residentMb = async (pid: number | undefined): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
};

await using _engine = shareEngine();
const drivers: Record<string, unknown> = {};
for (const [driver] of await driversUnderTest()) {
  await using stack = await startStack({ driver, scenario });
  await using folder = await temporaryFolder();
  await using repository = await createGitRepository({ path: `${stack.repositories}/bench`, thousandFiles: true });
  await mkdir(folder.join("home"));
  const task = await stack.server.client.tasks.create.mutate({ name: "Bench", steps: [{ instructions: PROMPT, checks: "" }] });
  const input = { taskId: task.id, repository: repository.path };
  const byHand = { cwd: repository.path, home: folder.join("home"), modelUrl: stack.model.url };
  const memoryIdleMb = await residentMb(stack.server.process.pid);
  // The first round pays for what is made once: the mirror, the image, the page cache.
  await launched(stack, input);
  await bare(byHand);
  const figures: { launchedMs: number; bareMs: number }[] = [];
  for (let index = 0; index < rounds; index++) {
    const bareMs = await bare(byHand);
    figures.push({ bareMs, launchedMs: await launched(stack, input) });
  }
  stack.model.setScenario(parseScenario(busy));
  const relayed = await relayedPerSecond(stack, input);
  const result = {
    rounds,
    relayedPerSecond: round(relayed),
    bareMs: round(median(figures.map(({ bareMs }) => bareMs))),
    launchedMs: round(median(figures.map(({ launchedMs }) => launchedMs))),
    ratio: round(median(figures.map(({ bareMs, launchedMs }) => launchedMs / bareMs)), 2),
    backendMemoryIdleMb: round(memoryIdleMb),
    backendMemoryAfterMb: round(await residentMb(stack.server.process.pid)),
  };
  drivers[driver] = result;
  process.stdout.write(
    `${driver}: first answer after ${result.launchedMs} ms from runs.create, ${result.bareMs} ms from claude -p by hand: ratio ${result.ratio} (median of ${rounds}); ` +
      `${result.relayedPerSecond} messages of a busy agent delivered per second; ` +
      `backend ${result.backendMemoryIdleMb} MB idle, ${result.backendMemoryAfterMb} MB after\n`,
  );
}

const delivery = await measureDelivery(Number(values.messages));
process.stdout.write(
  `messages of 1 KB: ${delivery.storedPerSecond} stored per second, ${delivery.deliveredPerSecond} stored and delivered to a subscriber per second\n`,
);
const report = {
  at: new Date().toISOString(),
  machine: {
    cpus: cpus().length,
    model: cpus()[0]?.model ?? "",
    memoryMb: round(totalmem() / 1024 / 1024),
    node: process.version,
  },
  drivers,
  delivery,
};
await mkdir(join(values.out, ".."), { recursive: true });
await writeFile(values.out, `${JSON.stringify(report, null, 2)}\n`);
process.stdout.write(`written to ${values.out}\n`);
