#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { EXECUTOR_DOOR_LOST_EXIT_CODE, EXECUTOR_SPOOL_HELD_EXIT_CODE } from "@ccr/protocol";
import { runCheck } from "./check.ts";
import { Checks } from "./checks.ts";
import { type Config, loadConfig, USAGE } from "./config.ts";
import { Conversation } from "./conversation.ts";
import { salvageTurns } from "./conversation-salvage.ts";
import {
  AGENT_MARK,
  agentEnvironment,
  CHECK_MARK,
  COMMAND_MARK,
  commandEnvironment,
  JUDGE_MARK,
  judgeEnvironment,
} from "./environment.ts";
import { Executions } from "./executions.ts";
import { Executor } from "./executor.ts";
import { Fence } from "./fence.ts";
import { startForwarder } from "./forwarder.ts";
import { createHttpServer } from "./http-server.ts";
import { startJudge } from "./judge.ts";
import { listen } from "./listen.ts";
import { OutageWatch } from "./outage.ts";
import { killMarked } from "./processes.ts";
import { Questions } from "./questions.ts";
import { Shells } from "./shells.ts";
import { Spool } from "./spool.ts";
import { lockSpool, SpoolHeldError } from "./spool-lock.ts";
import { StateFile } from "./state.ts";
import { systemClock } from "./watchdog.ts";

const fail = (message: string, exitCode = 1): never => {
  process.stderr.write(`executor: ${message}\n`);
  process.exit(exitCode);
};

const describe = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const exitCodeOf = (error: unknown): number => (error instanceof SpoolHeldError ? EXECUTOR_SPOOL_HELD_EXIT_CODE : 1);

const claudeCodeVersion = (): string => {
  try {
    const folder = dirname(fileURLToPath(import.meta.resolve("@anthropic-ai/claude-agent-sdk")));
    const manifest: unknown = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
    return typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "unknown";
  } catch {
    return "unknown";
  }
};

/** Calls back after a time that may be longer than a timer can be set to, whatever is done to the machine's date. */
const endOfLife = (lifetimeMs: number, end: () => void): void => {
  const leftMs = lifetimeMs - performance.now();
  if (leftMs <= 0) end();
  else setTimeout(() => endOfLife(lifetimeMs, end), Math.min(leftMs, 2_147_483_647)).unref();
};

const loadSdk = () => import("@anthropic-ai/claude-agent-sdk");

/** Works until it is told to end, or its lifetime is over; gives the exit code. */
const start = async (config: Config): Promise<number> => {
  const stopping = new AbortController();
  const { promise: stopped, resolve } = Promise.withResolvers<number>();
  const stop = (exitCode: number): void => {
    stopping.abort();
    resolve(exitCode);
  };
  // As a shell tells it, so that whoever made the sandbox can tell an order to end from an end of its own.
  for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => stop(128 + constants.signals[name]));
  if (config.lifetimeMs !== null) endOfLife(config.lifetimeMs, () => stop(0));
  await using stack = new AsyncDisposableStack();
  const lock = await lockSpool(config.spoolFolder, {
    onWait: () => process.stdout.write(`executor: waits for another executor to let go of ${config.spoolFolder}\n`),
    signal: stopping.signal,
  });
  if (lock === null) return stopped;
  stack.use(lock);
  const state = await StateFile.open(config.spoolFolder);
  const mark = state.get().agentMark;
  // An agent of an executor that was killed may still be at work; two must never be. What it has written is read when it is dead.
  for (const name of [AGENT_MARK, JUDGE_MARK, COMMAND_MARK]) await killMarked(name, mark);
  const spool = stack.use(await Spool.open(config.spoolFolder));
  const executions = new Executions({ spool, clock: systemClock, salt: mark, breakOff: () => questions.breakOff() });
  const claudeFolder = config.environment.CLAUDE_CONFIG_DIR ?? join(config.home, ".claude");
  await executions.recover(async (promptUuid) => {
    const { sessionId: session, turnUuids: known } = spool.recovered;
    return session === null ? [] : salvageTurns({ configFolder: claudeFolder, session, promptUuid, known });
  });
  const outage = new OutageWatch({
    clock: systemClock,
    note: (text) => executions.note(text),
    setWaiting: (waiting) => executions.setGatewayAwaited(waiting),
  });
  const forwarder =
    config.gateway === null
      ? null
      : stack.use(
          await startForwarder({
            ...config.gateway,
            onWaiting: (count) => outage.waiting(count),
            onReached: () => outage.reached(),
          }),
        );
  const gatewayUrl = forwarder?.url ?? null;
  const scratch = join(config.spoolFolder, "tmp");
  await rm(scratch, { recursive: true, force: true }); // what one that was killed left
  stack.defer(() => rm(scratch, { recursive: true, force: true }));
  const trustedConfigRoot = join(scratch, "config");
  await mkdir(trustedConfigRoot, { recursive: true, mode: 0o700 });

  const isRoot = process.getuid?.() === 0;
  const own = agentEnvironment(config.environment, { gatewayUrl, isRoot, mark });
  // A judge is none of those for whom they are.
  const environment = { ...own, ...config.variables };
  const claude = {
    loadSdk,
    workspace: config.workspace,
    executable: config.claudeExecutable,
    trustedConfigRoot,
    mark,
  };
  const questions = new Questions({
    append: (body) => spool.append(body),
    plansFolder: join(claudeFolder, "plans"),
    now: () => new Date(),
    onWaiting: (waiting) => executions.setPersonAwaited(waiting),
  });
  const conversation = new Conversation({
    ...claude,
    ask: questions.ask,
    home: config.home,
    environment: () => environment,
    sessionId: spool.recovered.sessionId ?? state.get().adopted,
    onMessage: (message) => executions.onMessage(message, { judges: false }),
  });
  executions.use(conversation, (settings) =>
    startJudge(settings, {
      ...claude,
      environment: () => judgeEnvironment(own),
      onMessage: (message) => executions.onMessage(message, { judges: true }),
    }),
  );
  stack.defer(() => conversation.close());
  const commands = commandEnvironment(config.environment, { gatewayUrl, mark });
  const keep = <T>(work: () => Promise<T>) => spool.withReserve(work);
  const checks = await Checks.open({
    folder: join(config.spoolFolder, "checks"),
    run: (input, signals, whole) =>
      runCheck(input, {
        workspace: config.workspace,
        env: { ...commands, ...config.variables, [CHECK_MARK]: mark },
        ...signals,
        whole,
      }),
    endLeft: () => killMarked(CHECK_MARK, mark),
    keep,
  });
  stack.defer(() => checks.close());
  const shells = new Shells({
    workspace: config.workspace,
    env: { ...commands, ...config.variables },
    mark,
    onFirst: () => executions.note("A person opened a shell in the sandbox."),
  });
  stack.defer(() => shells.stop());
  const executor = new Executor({
    spool,
    state,
    executions,
    conversation,
    questions,
    checks,
    shells,
    workspace: config.workspace,
    home: config.home,
    claudeFolder,
    scratch,
    commandEnvironment: commands,
    setUpEnvironment: { ...commands, ...config.variables, [CHECK_MARK]: mark },
    claudeCodeVersion: claudeCodeVersion(),
    prewarm: config.prewarm,
  });
  const server = createHttpServer({
    api: executor,
    token: config.token,
    fence: new Fence({ state, keep }),
    onError: (error) => process.stderr.write(`executor: ${error.message}\n`),
  });
  const door = await listen(server, config.listen);
  process.stdout.write(`executor: listening on ${door.address}\n`);
  // An engine that was killed may have lost sight of a sandbox that it was just starting: nobody else would ever end it.
  void door.lost(stopping.signal).then(() => {
    process.stderr.write(`executor: ${door.address} does not lead here any more; ending\n`);
    stop(EXECUTOR_DOOR_LOST_EXIT_CODE);
  });
  void executor.prewarm();

  const exitCode = await stopped;
  const closed = Promise.withResolvers<void>();
  const leave = async () => {
    await door.leave();
    server.close(() => closed.resolve());
    server.closeIdleConnections();
  };
  // Nobody comes in any more. Who is in is told that there is no more work to be had, or reads how what there was has ended.
  await Promise.all([executor.stop(), leave()]);
  // Readers get the end that was just spooled; one that does not read is not waited for.
  const limit = setTimeout(() => server.closeAllConnections(), 2_000);
  await closed.promise;
  clearTimeout(limit);
  return exitCode;
};

const [argument] = process.argv.slice(2);
if (argument === "--help" || argument === "-h") {
  process.stdout.write(USAGE);
} else if (argument === "--compile") {
  await loadSdk();
} else if (argument !== undefined) {
  fail(`'${argument}' is not known; --help lists what is`);
} else {
  const result = loadConfig();
  if (!result.ok) fail(result.message);
  else process.exit(await start(result.config).catch((error: unknown) => fail(describe(error), exitCodeOf(error))));
}
process.exit(0);
