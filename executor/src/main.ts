#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Config, loadConfig, USAGE } from "./config.ts";
import { Conversation } from "./conversation.ts";
import { AGENT_MARK, agentEnvironment, commandEnvironment } from "./environment.ts";
import { Executions } from "./executions.ts";
import { Executor } from "./executor.ts";
import { startForwarder } from "./forwarder.ts";
import { createHttpServer } from "./http-server.ts";
import { listen } from "./listen.ts";
import { killMarked } from "./processes.ts";
import { Spool } from "./spool.ts";
import { StateFile } from "./state.ts";
import { systemClock } from "./watchdog.ts";

const fail = (message: string): never => {
  process.stderr.write(`executor: ${message}\n`);
  process.exit(1);
};

const describe = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const claudeCodeVersion = (): string => {
  try {
    const folder = dirname(fileURLToPath(import.meta.resolve("@anthropic-ai/claude-agent-sdk")));
    const manifest: unknown = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
    return typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "unknown";
  } catch {
    return "unknown";
  }
};

const start = async (config: Config): Promise<void> => {
  const stopped = new Promise<void>((resolve) => {
    process.once("SIGTERM", resolve);
    process.once("SIGINT", resolve);
  });
  await using stack = new AsyncDisposableStack();
  const [spool, state] = await Promise.all([Spool.open(config.spoolFolder), StateFile.open(config.spoolFolder)]);
  stack.use(spool);
  const mark = state.get().agentMark;
  // An agent of an executor that was killed may still be at work; two must never be.
  await killMarked(AGENT_MARK, mark);
  const forwarder = config.gateway === null ? null : stack.use(await startForwarder(config.gateway));
  const gatewayUrl = forwarder?.url ?? null;
  const scratch = join(config.spoolFolder, "tmp");
  await rm(scratch, { recursive: true, force: true }); // what one that was killed left
  stack.defer(() => rm(scratch, { recursive: true, force: true }));
  const trustedConfigRoot = join(scratch, "config");
  await mkdir(trustedConfigRoot, { recursive: true, mode: 0o700 });

  const executions = new Executions({ spool, clock: systemClock });
  await executions.recover();
  const environment = agentEnvironment(config.environment, { gatewayUrl, isRoot: process.getuid?.() === 0, mark });
  const conversation = new Conversation({
    loadSdk: () => import("@anthropic-ai/claude-agent-sdk"),
    workspace: config.workspace,
    home: config.home,
    executable: config.claudeExecutable,
    trustedConfigRoot,
    environment: () => environment,
    mark,
    sessionId: spool.recovered.sessionId,
    onMessage: (message) => executions.onMessage(message),
  });
  executions.use(conversation);
  stack.defer(() => conversation.close());
  const executor = new Executor({
    spool,
    state,
    executions,
    conversation,
    workspace: config.workspace,
    home: config.home,
    claudeFolder: environment.CLAUDE_CONFIG_DIR ?? join(config.home, ".claude"),
    scratch,
    commandEnvironment: commandEnvironment(config.environment, gatewayUrl),
    claudeCodeVersion: claudeCodeVersion(),
    prewarm: config.prewarm,
  });
  const server = createHttpServer({
    api: executor,
    token: config.token,
    onError: (error) => process.stderr.write(`executor: ${error.message}\n`),
  });
  const address = await listen(server, config.listen);
  process.stdout.write(`executor: listening on ${address}\n`);
  void executor.prewarm();

  await stopped;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  await executions.close();
  await conversation.close();
  // Readers get the end that was just spooled; one that does not read is not waited for.
  const limit = setTimeout(() => server.closeAllConnections(), 2_000);
  await closed;
  clearTimeout(limit);
};

const [argument] = process.argv.slice(2);
if (argument === "--help" || argument === "-h") {
  process.stdout.write(USAGE);
} else if (argument !== undefined) {
  fail(`'${argument}' is not known; --help lists what is`);
} else {
  const result = loadConfig();
  if (!result.ok) fail(result.message);
  else await start(result.config).catch((error: unknown) => fail(describe(error)));
}
process.exit(0);
