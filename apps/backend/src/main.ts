import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { gatewayClient } from "@ccr/gateway";
import { CcrError, type RunId } from "@ccr/protocol";
import { createAdaptorServer } from "@hono/node-server";
import { createAccess } from "./api/access.ts";
import { createHttp } from "./api/http.ts";
import { createBatches } from "./batches/batches.ts";
import { createBuildName } from "./build.ts";
import { type Config, ConfigError, checkPlaces, isLoopback, readConfig, wantsColours } from "./config.ts";
import { helpText } from "./config-options.ts";
import { createCredentials } from "./credentials/credentials.ts";
import { startDemo } from "./demo/demo.ts";
import { createEnvironments } from "./environments/environments.ts";
import { createPackageHosts } from "./environments/package-hosts.ts";
import { platformOf } from "./environments/platform.ts";
import { createSecrets } from "./environments/secrets.ts";
import { createSetups } from "./environments/setups.ts";
import {
  keepToDatabase,
  keptServerId,
  keptToken,
  leaveFolders,
  lockFolder,
  machineName,
  makeFolders,
  StartError,
} from "./folders.ts";
import { archiveTree, readTree } from "./git/tree.ts";
import { createKeptTrees } from "./git/work-tree.ts";
import { listen } from "./listen.ts";
import { chooseDriver } from "./main/drivers.ts";
import { describeServer } from "./main/facts.ts";
import { openGateway } from "./main/gateway.ts";
import { openGit } from "./main/git.ts";
import { openReadiness } from "./main/readiness.ts";
import { databaseName, openStore } from "./main/store.ts";
import { createLog } from "./observe/log.ts";
import { createMask } from "./observe/mask.ts";
import { createMetrics } from "./observe/metrics.ts";
import { createReport, type Report } from "./report.ts";
import { createNetwork } from "./runs/allowed-hosts.ts";
import { systemClock } from "./runs/clock.ts";
import type { RunDeps } from "./runs/deps.ts";
import { Dispatcher } from "./runs/dispatcher.ts";
import { createDownloads } from "./runs/downloads.ts";
import { connectExecutor } from "./runs/executor-client.ts";
import { createFiles } from "./runs/files.ts";
import { followPullRequests } from "./runs/following.ts";
import { createInstances } from "./runs/instances.ts";
import { createRepositories } from "./runs/known-repositories.ts";
import { createLaunches } from "./runs/launches.ts";
import { createListing } from "./runs/listing.ts";
import { createOverview } from "./runs/overview.ts";
import { createPlaces, removeFolder } from "./runs/places.ts";
import { createResults } from "./runs/results.ts";
import { createRuns } from "./runs/runs.ts";
import { createShells } from "./runs/shells.ts";
import { createTalk } from "./runs/talk/talk.ts";
import { createIds } from "./store/ids.ts";
import { createDiskGuard } from "./upkeep/disk-guard.ts";
import { startUpkeep } from "./upkeep/upkeep.ts";
import { readVersion } from "./version.ts";

const REPEATED_WITHIN_MS = 1000;

/** Whoever reads standard output reads whole lines: of the log, or of what a person sees at the start. */
const startReport = ({ log: { format, level }, secrets }: Config): Report => {
  const write = (line: string): void => void process.stdout.write(`${line}\n`);
  const colours = process.stdout.isTTY === true && wantsColours();
  const mask = createMask(secrets);
  return createReport({ write, format, colours, mask, log: createLog({ write, format, level, mask, colours }) });
};

/** Builds everything, in the order in which it depends on each other, and serves until a signal comes. */
const serve = async (config: Config): Promise<void> => {
  const startedAt = performance.now();
  const report = startReport(config);
  // A folder may be made, or a disk mounted, after the start: whoever needs it then says so again.
  await checkPlaces(config).catch((error: unknown) => report.log("warn", error instanceof Error ? error.message : String(error)));
  // Taken down in the opposite order, whatever happens from here on.
  await using parts = new AsyncDisposableStack();
  const stopped = Promise.withResolvers<string>();
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => stopped.resolve(signal));

  const folders = await makeFolders(config.dataDir);
  parts.use(lockFolder(config.dataDir));
  parts.defer(() => leaveFolders(folders, config.dataDir));
  const token = config.token ?? (await keptToken(config.dataDir));
  const access = createAccess({ token, host: config.host, publicUrl: config.publicUrl, loopbackOnly: isLoopback(config.host) });
  report.addSecrets([token, access.sessionValue]);
  const [server, machine] = [await keptServerId(config.dataDir), await machineName()];
  const store = parts.use(
    await report.stage(
      "database",
      () => openStore(config),
      () => databaseName(config),
    ),
  );
  await keepToDatabase(config.dataDir, { id: await store.upkeep.databaseId(), name: databaseName(config) });
  const packageHosts = createPackageHosts({ environment: config.gitEnvironment, further: config.packageHosts });
  const { driver, drivers, meters, sentence, images, devcontainers, storage } = await report.stage(
    "sandbox",
    () => chooseDriver(config, { stateDir: folders.sandboxes, packageHosts, log: report.log }),
    (chosen) => chosen.sentence,
  );
  const demo =
    config.modelCredential !== null
      ? null
      : parts.use(
          await report.stage(
            "demo mode",
            () => startDemo({ dataDir: config.dataDir, path: config.childEnvironment.PATH ?? "", tasks: store.tasks }),
            () => "no key for the model: runs use the built-in scripted model",
          ),
        );
  const modelUrl = demo?.modelUrl ?? config.modelBaseUrl;
  const doors = parts.use(
    await report.stage(
      "gateway",
      () => openGateway({ config, doors: folders.doors, modelUrl, log: report.log }),
      () => (demo !== null ? "to the scripted model" : `to ${new URL(modelUrl ?? "https://api.anthropic.com").host}`),
    ),
  );
  const localRepositoryRoots = [...config.localRepositoryRoots, ...(demo === null ? [] : [demo.repository])];
  // A port that is left to the system is known when it listens; runs that are taken up before that tell of the start page at least.
  let address = config.publicUrl ?? origin(config.host, config.port);
  const version = await readVersion(join(config.projectRoot, "package.json"));
  const mask = createMask([...config.secrets, token, access.sessionValue]);
  const linkTo = (runId: RunId): string => `${address}/runs/${runId}`;
  const { hosts, mirrors, mirrorRetention, branches, work, outlet } = openGit({
    config,
    localRepositoryRoots,
    hide: mask.hide,
    linkTo,
  });
  const guard = createDiskGuard({
    minFreeMb: config.minFreeDiskMb,
    places: [
      { name: "data", path: config.dataDir },
      ...(config.database.kind === "sqlite" ? [{ name: "database" as const, path: dirname(config.database.path) }] : []),
    ],
    dockerRoot: storage === null ? null : (signal) => storage.root(signal),
    log: report.log,
  });
  const metrics = createMetrics({
    version,
    countRuns: () => store.upkeep.countRuns(),
    disk: async () => ({ places: await guard.places(), enough: (await guard.roomForRun()).enough }),
  });
  const environmentsFolder = join(config.dataDir, "environments");
  const setups = createSetups({ folder: join(environmentsFolder, "cache"), removeFolder });
  const secrets = createSecrets({ folder: environmentsFolder, onValue: report.addSecrets });
  const upkeep = parts.use(
    startUpkeep({
      store,
      guard,
      work,
      setups,
      images: storage,
      rules: config.keep,
      clock: systemClock,
      log: report.log,
      mirrors: mirrorRetention,
      folders: { work: folders.kept, audit: folders.audit, instances: folders.instances },
    }),
  );
  const deps: RunDeps = {
    server,
    machine,
    store,
    mirrors,
    work,
    outlet,
    reviews: { look: hosts.look },
    doors,
    driver,
    drivers,
    images,
    setup: {
      kept: setups,
      secrets,
      packageHosts,
      devcontainers,
      archiveOf: (mirrorPath, commit, signal) =>
        archiveTree({ path: mirrorPath, environment: config.gitEnvironment }, commit, signal),
      platform: await platformOf(driver.name),
      filesOf: (mirrorPath, commit, signal) => readTree({ path: mirrorPath, environment: config.gitEnvironment }, commit, signal),
    },
    places: createPlaces({ machine, instances: folders.instances, doors: folders.doors }),
    connect: connectExecutor,
    allowedHosts: config.allowedHosts,
    limits: {
      runs: config.maxConcurrentRuns,
      perRepository: config.maxRunsPerRepository,
      perTask: config.maxRunsPerTask,
    },
    roomForRun: guard.roomForRun,
    newInstanceId: createIds().instance,
    log: report.log,
    metrics,
    clock: systemClock,
  };
  const dispatcher = parts.use(new Dispatcher(deps));
  const runs = createRuns(deps, dispatcher);
  const closing = new AbortController();
  parts.defer(() => closing.abort(new CcrError("unavailable", "The server ends.")));
  const results = createResults(deps, { runs, dispatcher }, closing.signal);
  const following = followPullRequests(deps, dispatcher, config.followSeconds * 1000);
  parts.defer(() => following.stop());
  const apiUrl = new URL(modelUrl ?? "https://api.anthropic.com");
  const uiFolder = join(config.projectRoot, "apps/frontend/dist");
  const buildName = createBuildName({ version, uiFolder });
  const facts = describeServer({
    config,
    demo,
    driver: { name: driver.name, sentence },
    localRepositoryRoots,
    version,
    buildName,
    apiUrl,
  });
  if (!existsSync(join(uiFolder, "index.html"))) report.log("warn", "the web UI is not built; 'npm start' builds it");
  const gateway = gatewayClient(join(folders.doors, "gateway.sock"));
  parts.defer(() => gateway.close());
  const readiness = openReadiness({ store, driver, gateway, guard, log: report.log });
  const app = createHttp({
    access,
    context: {
      tasks: store.tasks,
      runs,
      results,
      talk: createTalk(deps, { runs, results }),
      network: createNetwork({ ...deps, modelHost: apiUrl.hostname }, { runs }),
      listing: createListing(deps, dispatcher),
      launches: createLaunches(deps, { runs, dispatcher }),
      repositories: createRepositories(store, { search: hosts.search, branches }),
      batches: createBatches({ ...deps, results }, dispatcher),
      environments: createEnvironments({
        store: store.environments,
        secrets,
        setups,
        hasImages: images !== null,
        packageHosts,
      }),
      instances: createInstances(deps, dispatcher, { runs, meters }),
      shells: createShells(deps),
      files: createFiles(deps, parts.use(createKeptTrees({ work, dataDir: config.dataDir }))),
      upkeep,
      server: facts,
      credentials: createCredentials({
        model: config.modelCredential,
        modelUrl: demo === null ? apiUrl : new URL("https://api.anthropic.com"),
        hosts: config.gitHosts,
        variables: config.given,
      }),
      overview: createOverview(deps, dispatcher),
    },
    downloads: createDownloads({ store, server, work }),
    uiFolder,
    readiness,
    metrics,
    log: report.log,
  });
  const listening = parts.use(await listen(createAdaptorServer({ fetch: app.fetch }), config));
  address = config.publicUrl ?? origin(config.host, listening.address.port);
  report.up({
    address,
    token,
    tokenPlace: config.token === null ? join(config.dataDir, "token") : "CCR_TOKEN",
    elapsedMs: performance.now() - startedAt,
  });
  const signal = await stopped.promise;
  report.log("info", `${signal}: leaving what is going on to the next start; a second signal ends at once`);
  const stoppedAt = performance.now();
  for (const name of ["SIGINT", "SIGTERM"]) {
    process.on(name, () => {
      // A terminal gives one Ctrl-C to every process of its group, and those who pass it on give it a second time.
      if (performance.now() - stoppedAt > REPEATED_WITHIN_MS) process.exit(130);
    });
  }
};

const origin = (host: string, port: number): string => {
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
