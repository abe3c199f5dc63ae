import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { CcrError, type ServerInfo } from "@ccr/protocol";
import { createAdaptorServer } from "@hono/node-server";
import { createAccess } from "./api/access.ts";
import { createHttp } from "./api/http.ts";
import { type Config, ConfigError, helpText, isLoopback, readConfig, wantsColours } from "./config.ts";
import { startDemo } from "./demo/demo.ts";
import { BubblewrapDriver } from "./drivers/bubblewrap/driver.ts";
import { DockerDriver } from "./drivers/docker/driver.ts";
import { DockerImages } from "./drivers/docker/image.ts";
import { selectDriver } from "./drivers/select.ts";
import { keptToken, leaveFolders, lockFolder, makeFolders, StartError } from "./folders.ts";
import { startGateway } from "./gateway/process.ts";
import { createMirrors } from "./git/mirrors.ts";
import { listen } from "./listen.ts";
import { createReport } from "./report.ts";
import type { RunDeps } from "./runs/deps.ts";
import { Dispatcher } from "./runs/dispatcher.ts";
import { recover } from "./runs/recovery.ts";
import { createInstances, createRuns } from "./runs/runs.ts";
import { createIds } from "./store/ids.ts";
import { openSqliteStore } from "./store/sqlite.ts";
import { readVersion } from "./version.ts";

const PROBE_WITHIN_MS = 20_000;
const REPEATED_WITHIN_MS = 1000;

const report = createReport((line) => process.stdout.write(`${line}\n`), {
  colours: process.stdout.isTTY === true && wantsColours(),
});

const chooseDriver = async (config: Config, stateDir: string) => {
  const owner = createHash("sha256").update(config.dataDir).digest("hex").slice(0, 12);
  const { projectRoot } = config;
  const engine = config.dockerHost ?? undefined;
  const images = new DockerImages({
    engine,
    owner,
    projectRoot,
    baseImage: config.baseImage ?? undefined,
    extraCaCertificates: config.extraCaCerts ?? undefined,
    npmRegistry: config.npmRegistry ?? undefined,
    proxies: config.proxies,
  });
  const drivers = [
    new DockerDriver({ engine, owner, stateDir: join(stateDir, "docker") }),
    new BubblewrapDriver({ owner, stateDir: join(stateDir, "bubblewrap"), projectRoot }),
  ];
  const { driver, because } = await selectDriver({ wanted: config.driver, drivers }, AbortSignal.timeout(PROBE_WITHIN_MS));
  return { driver, drivers, sentence: because, images: driver.name === "docker" ? images : null };
};

/** Builds everything, in the order in which it depends on each other, and serves until a signal comes. */
const serve = async (config: Config): Promise<void> => {
  const startedAt = performance.now();
  // Taken down in the opposite order, whatever happens from here on.
  await using parts = new AsyncDisposableStack();
  const stopped = Promise.withResolvers<string>();
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => stopped.resolve(signal));

  const folders = await makeFolders(config.dataDir);
  parts.use(lockFolder(config.dataDir));
  parts.defer(() => leaveFolders(folders, config.dataDir));
  const token = config.token ?? (await keptToken(config.dataDir));
  const store = parts.use(
    await report.stage(
      "database",
      () => openSqliteStore({ path: config.databasePath }),
      () => config.databasePath,
    ),
  );
  const { driver, drivers, sentence, images } = await report.stage(
    "sandbox",
    () => chooseDriver(config, folders.sandboxes),
    (chosen) => chosen.sentence,
  );
  const credential = config.modelCredential;
  const demo =
    credential !== null
      ? null
      : parts.use(
          await report.stage(
            "demo mode",
            () => startDemo({ dataDir: config.dataDir, path: config.childEnvironment.PATH ?? "", tasks: store.tasks }),
            () => "no key for the model: runs use the built-in scripted model",
          ),
        );
  const doors = parts.use(
    await report.stage(
      "gateway",
      () =>
        startGateway({
          controlSocket: join(folders.doors, "gateway.sock"),
          environment: {
            ...config.childEnvironment,
            ...(credential === null
              ? { ANTHROPIC_API_KEY: "demo" }
              : { [credential.kind === "api_key" ? "ANTHROPIC_API_KEY" : "CLAUDE_CODE_OAUTH_TOKEN"]: credential.value }),
            ...(demo !== null
              ? { ANTHROPIC_BASE_URL: demo.modelUrl }
              : config.modelBaseUrl !== null
                ? { ANTHROPIC_BASE_URL: config.modelBaseUrl }
                : {}),
          },
          log: (level, text) => report.log(level, text),
        }),
      () => (demo !== null ? "to the scripted model" : `to ${new URL(config.modelBaseUrl ?? "https://api.anthropic.com").host}`),
    ),
  );
  const localRepositoryRoots = [...config.localRepositoryRoots, ...(demo === null ? [] : [demo.repository])];
  const ids = createIds();
  const deps: RunDeps = {
    store,
    mirrors: createMirrors({
      dataDir: config.dataDir,
      localRepositoryRoots,
      githubToken: config.githubToken,
      environment: config.gitEnvironment,
    }),
    doors,
    driver,
    drivers,
    images,
    allowedHosts: config.allowedHosts,
    folders: { ...folders, kept: join(config.dataDir, "kept") },
    newInstanceId: ids.instance,
    log: report.log,
    now: () => new Date(),
  };
  await recover(deps);
  const dispatcher = parts.use(new Dispatcher(deps, { maxConcurrentRuns: config.maxConcurrentRuns }));
  const runs = createRuns(deps, dispatcher);
  const version = await readVersion(join(config.projectRoot, "package.json"));
  const info = (): ServerInfo => ({
    version,
    demo: demo !== null,
    demoRepository: demo?.repository ?? null,
    ...(demo === null ? {} : { demoTaskId: demo.taskId }),
    driver: { name: driver.name, sentence },
    localRepositoryRoots,
    maxConcurrentRuns: config.maxConcurrentRuns,
  });
  const uiFolder = join(config.projectRoot, "apps/frontend/dist");
  if (!existsSync(join(uiFolder, "index.html"))) report.log("warn", "the web UI is not built; 'npm start' builds it");
  const app = createHttp({
    access: createAccess({ token, host: config.host, publicUrl: config.publicUrl, loopbackOnly: isLoopback(config.host) }),
    context: { tasks: store.tasks, runs, instances: createInstances(deps, dispatcher, runs), info },
    uiFolder,
    unexpected: (path, error) =>
      report.log("error", `${path}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`),
  });
  const server = parts.use(await listen(createAdaptorServer({ fetch: app.fetch }), config));
  const address = config.publicUrl ?? origin(config.host, server.address);
  report.say("");
  report.say(
    `  claude-code-runner is up after ${((performance.now() - startedAt) / 1000).toFixed(1)} s. Open this link to log in:`,
  );
  report.say("");
  report.say(`  ${report.link(`${address.replace(/\/$/, "")}/login?token=${token}`)}`);
  report.say("");
  const signal = await stopped.promise;
  report.log("info", `${signal}: ending what is going on; a second signal ends at once`);
  const stoppedAt = performance.now();
  for (const name of ["SIGINT", "SIGTERM"]) {
    process.on(name, () => {
      // A terminal gives one Ctrl-C to every process of its group, and those who pass it on give it a second time.
      if (performance.now() - stoppedAt > REPEATED_WITHIN_MS) process.exit(130);
    });
  }
};

const origin = (host: string, { port }: AddressInfo): string => {
  const name = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host;
  return `http://${name}:${port}`;
};

const main = async (): Promise<void> => {
  const invocation = readConfig(process.argv.slice(2));
  if (invocation.kind === "help") {
    process.stdout.write(helpText());
    return;
  }
  await serve(invocation.config);
};

// Whoever read what we print may be gone; the runs go on all the same.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

main().then(
  () => process.exit(0),
  (error: unknown) => {
    const known = error instanceof ConfigError || error instanceof StartError || error instanceof CcrError;
    process.stderr.write(
      `${known ? error.message : `claude-code-runner cannot go on: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`}\n`,
    );
    process.exit(1);
  },
);
