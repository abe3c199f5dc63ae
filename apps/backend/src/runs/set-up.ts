import {
  type AllowRule,
  CcrError,
  parseRepository,
  type RunEnvironment,
  repositoryKey,
  type SetUpEvent,
  type Setup,
} from "@ccr/protocol";
import { setupKey, type TrackedFile } from "../environments/key.ts";
import { createTextMask } from "../environments/secret-text.ts";
import type { HeldSetup } from "../environments/types.ts";
import { listed, shortened } from "./attempt.ts";
import { within } from "./clock.ts";
import { RunEnded } from "./ending.ts";
import { environmentAsPrepared } from "./environment.ts";
import { ExecutorLostError } from "./executor-client.ts";
import { tend } from "./guard.ts";
import { setupsFolder } from "./places.ts";
import { lossOf, whyGone } from "./reach.ts";
import { inDirectory, inWorkspace, mirrorMount } from "./repositories.ts";
import { blamedHosts } from "./requests.ts";
import { destroyPatiently, type OpenedSandbox, openSandbox } from "./sandboxes.ts";
import { messageOf, type Scene } from "./scene.ts";
import { tellOutput } from "./setup-output.ts";
import { mirrorsOf, type Source } from "./sources.ts";
import { closeDoor, openDoor, withGateway } from "./way-out.ts";
import { SETUP_MOUNT, type Workplace, workplaceAt } from "./workplace.ts";

/*
 * An environment's script runs in a sandbox of its own, on a clean checkout of the commit that the run starts from, with a way out of its own,
 * without the model, and without the agent. What it leaves is kept under a key that names all on which it depends, and every sandbox of this run,
 * and of later ones with the same key, gets a copy. Killed at any moment, nothing is kept, and the launch that comes next begins anew.
 */

type Plan = {
  key: string;
  environment: RunEnvironment & { setup: Setup };
  secrets: Record<string, string>;
  mask: ReturnType<typeof createTextMask>;
  /** Those of all repositories, by their paths in the workspace. */
  files: readonly TrackedFile[];
  sources: readonly [Source, ...Source[]];
  image: string;
};

// Beyond the script's own limit, for an executor that does not end it.
const LATE_MS = 30_000;
const SAID_MAX_CHARACTERS = 300;
const TAIL_MAX_CHARACTERS = 16_000;
// As much as a step's check asks for.
const REQUESTS_MAX = 1000;
const REQUESTS_TOLD_WITHIN_MS = 500;
const AUDIT_DRAIN_MS = 2000;
const CHANGES_WITHIN_MS = 30_000;

const failed = (detail: string, cause?: unknown): RunEnded =>
  new RunEnded("setup_failed", detail, cause === undefined ? {} : { cause });

/**
 * What the environment's set-up left, for the run's sandboxes: found, waited for where another run is just at it, or made now. null: the run's
 * environment has no set-up. Throws `RunEnded`, and `ExecutorLostError` when the sandbox died.
 */
export const setUp = async (
  scene: Scene,
  given: Pick<Plan, "sources" | "image">,
  signal: AbortSignal,
): Promise<{ key: string; held: HeldSetup; isMade: boolean } | null> => {
  if (scene.run.environment === null) return null;
  const environment = environmentAsPrepared(scene.run.environment, scene.prepared);
  if (environment.setup === null) return null;
  const named = { ...environment, setup: environment.setup };
  return scene.log.stage("setup", (report) => findOrMake(scene, { ...given, environment: named, report }, signal), {
    started: `Setting up ${environment.name}.`,
    finished: ({ held: { madeAt }, isMade }) =>
      isMade
        ? `${environment.name} is set up; what that left is kept for later runs.`
        : `What the set-up of ${environment.name} left at ${madeAt} is used again.`,
  });
};

const findOrMake = async (
  scene: Scene,
  given: Pick<Plan, "environment" | "sources" | "image"> & { report: (text: string) => void },
  signal: AbortSignal,
): Promise<{ key: string; held: HeldSetup; isMade: boolean }> => {
  const { deps, log } = scene;
  const { kept } = deps.setup;
  const { report, ...wanted } = given;
  const plan = await planOf(scene, wanted, signal);
  const { key } = plan;
  for (let isMade = false; ; ) {
    const held = await kept.take(key);
    if (held !== null) return { key, held, isMade };
    const told = tellOutput({ log, clock: deps.clock });
    let isOurTurn = false;
    try {
      await kept.oneAtATime(key, {
        work: async (tell) => {
          isOurTurn = true;
          report("Nothing is kept of it yet; running its script.");
          await make(scene, { plan, tell, signal });
          isMade = true;
        },
        waits: () => report("Another run is just setting this up; this one waits for it."),
        hear: told.add,
        signal,
      });
    } catch (error) {
      signal.throwIfAborted();
      // What ended the set-up of another run would end ours the same way only when the set-up is to blame.
      if (isOurTurn || (error instanceof RunEnded && error.ending.reason === "setup_failed")) throw error;
    } finally {
      await told.end();
    }
  }
};

const planOf = async (
  { deps }: Scene,
  given: Pick<Plan, "environment" | "sources" | "image">,
  signal: AbortSignal,
): Promise<Plan> => {
  const { environment, sources, image } = given;
  const { secrets, filesOf, platform } = deps.setup;
  const values = await secrets.read(environment.id);
  const missing = environment.secretNames.filter((name) => !Object.hasOwn(values, name));
  if (missing.length > 0)
    throw failed(`This server has no value of the secret ${listed(missing)}. Give it in the environment, and launch again.`);
  const own = Object.fromEntries(environment.secretNames.map((name) => [name, values[name] ?? ""]));
  const repositories = await Promise.all(
    sources.map(async ({ checkout, mirror }) => ({
      checkout,
      commit: mirror.commit,
      files: await filesOf(mirror.mirrorPath, mirror.commit, signal),
    })),
  );
  const key = setupKey({
    environment,
    repositories: repositories.map(({ checkout: { directory, repository }, commit, files }) => {
      const address = parseRepository(repository);
      return { directory, commit, files, repository: address.ok ? repositoryKey(address.address) : repository };
    }),
    secretsDigest: await secrets.digest(environment.id, environment.secretNames),
    image,
    platform,
  });
  const files = repositories.flatMap(({ checkout, files: own }) =>
    own.map((file) => ({ ...file, path: inWorkspace(checkout, file.path) })),
  );
  return { ...given, key, files, secrets: own, mask: createTextMask(Object.values(own)) };
};

/** Runs the script and keeps what it leaves. */
const make = async (
  scene: Scene,
  { plan, tell, signal }: { plan: Plan; tell: (text: string) => void; signal: AbortSignal },
): Promise<void> => {
  const { run, fence, deps, stores } = scene;
  const { driver, setup } = deps;
  const { environment, sources, image, secrets, mask, files } = plan;
  const instanceId = deps.newInstanceId();
  const place = deps.places.of(instanceId);
  const workplace = workplaceAt(place);
  await stores.instances.create({ id: instanceId, runId: run.id, driver: driver.name, server: deps.server, place }, fence);
  await deps.places.make(workplace);
  const requests = await stores.audit.position(run.id);
  const allow = await allowed(scene, environment.setup);
  await openDoor(scene, { place: workplace, beside: null, policy: { allow, model: false } }, signal);
  const opened = await openSandbox(
    scene,
    {
      run,
      fence,
      instanceId,
      place: workplace,
      driver,
      image,
      mirrors: mirrorsOf(sources),
      isGiven: false,
      setup: null,
      prewarm: false,
    },
    signal,
  );
  await tend(scene, opened);
  try {
    await clone(scene, { opened, sources, signal });
    await execute(scene, { plan, opened, tell, requests, signal });
    await tellChanges(scene, opened, signal);
  } finally {
    await scene.guard?.stop();
    scene.guard = null;
  }
  // Asked as late as can be: from here on nothing of the store guards what is done.
  await scene.hold();
  // With it ends all that could still change what it left; its folders stay.
  await destroyPatiently(scene, opened, signal);
  await stores.instances.setStatus(instanceId, "stopped", fence);
  try {
    const directories = sources.map(({ checkout }) => checkout.directory).filter((directory) => directory !== null);
    const tracked = files.map(({ path }) => path);
    const left = { workspace: workplace.workspace, home: workplace.home, tracked, directories, secrets };
    const repositories = sources.map(({ checkout: { repository }, mirror: { commit } }) => ({ repository, commit }));
    const from = { runId: run.id, repositories };
    await setup.kept.keep(plan.key, { ...left, environmentId: environment.id, from }, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof CcrError && error.code === "unprocessable") throw failed(mask.hide(error.message), error);
    throw error;
  } finally {
    await deps.places.remove(workplace);
  }
  await leaveDoor(scene, signal);
};

/** The next door of the run has another policy and other sockets. */
const leaveDoor = async (scene: Scene, signal: AbortSignal): Promise<void> => {
  const { deps } = scene;
  await withGateway(scene, () => closeDoor(scene), signal);
  await scene.requests?.stop((ended) => deps.clock.wait(AUDIT_DRAIN_MS, ended));
  scene.requests = null;
};

const allowed = async ({ deps }: Scene, { network, allowedHosts }: Setup): Promise<AllowRule[]> => [
  ...allowedHosts,
  ...(network === "packages" ? await deps.setup.packageHosts() : []),
];

const clone = async (
  scene: Scene,
  { opened, sources, signal }: Pick<Plan, "sources"> & { opened: OpenedSandbox; signal: AbortSignal },
): Promise<void> => {
  const until = AbortSignal.any([signal, opened.cut.signal]);
  try {
    await opened.executor.initGit({}, until);
    for (const { checkout, mirror } of sources) {
      const { cloneUrl: repositoryUrl, commit: ref } = mirror;
      const input = { repositoryUrl, mirrorPath: mirrorMount(checkout), ref, ...inDirectory(checkout) };
      await opened.executor.gitClone(input, until);
    }
    await scene.stores.instances.setStatus(opened.instanceId, "executing", scene.fence);
  } catch (error) {
    signal.throwIfAborted();
    throw lossOf(error) ?? (error instanceof CcrError ? new RunEnded("clone_failed", error.message, { cause: error }) : error);
  }
};

const execute = async (
  scene: Scene,
  options: { plan: Plan; opened: OpenedSandbox; tell: (text: string) => void; requests: number; signal: AbortSignal },
): Promise<void> => {
  const { plan, opened, tell, requests, signal } = options;
  const { secrets, mask, environment } = plan;
  const { name, setup } = environment;
  let tail = "";
  const say = (text: string): void => {
    if (text === "") return;
    tail = (tail + text).slice(-TAIL_MAX_CHARACTERS);
    tell(text);
  };
  let ended: Extract<SetUpEvent, { type: "ended" }> | null = null;
  const timeoutMs = setup.seconds * 1000;
  const late = () => failed(`The script of ${name} did not end within ${setup.seconds} s.`);
  const until = AbortSignal.any([signal, opened.cut.signal]);
  try {
    await within(scene.deps.clock, { ms: timeoutMs + LATE_MS, signal: until, late }, async (inTime) => {
      for await (const event of opened.executor.setUp(
        { script: setup.script, secrets, timeoutMs, ...inDirectory(scene.run) },
        inTime,
      )) {
        if (event.type === "output") say(mask.push(event.text));
        else ended = event;
      }
    });
  } catch (error) {
    signal.throwIfAborted();
    const lost = lossOf(error);
    if (lost === null) throw error;
    // One that was over a limit ends the run by that.
    throw new ExecutorLostError((await whyGone(scene, opened, { error: lost, tries: 1, signal })) ?? lost.message, {
      cause: error,
    });
  } finally {
    say(mask.end());
  }
  const how = describeEnd(ended, setup);
  if (how !== null)
    throw failed(`The script of ${name} ${how}${await blame(scene, { script: setup.script, tail, requests, signal })}`);
};

/** How a script ended that did not do its work, as the rest of a sentence; null: it did. Pure. */
const describeEnd = (ended: Extract<SetUpEvent, { type: "ended" }> | null, { seconds }: Setup): string | null => {
  if (ended === null) throw new ExecutorLostError("The sandbox of the set-up was cut off.");
  const { outcome } = ended;
  switch (outcome.kind) {
    case "exited":
      return outcome.exitCode === 0 ? null : `exited with code ${outcome.exitCode}.`;
    case "killed":
      return `was ended by ${outcome.signal}.`;
    case "timed_out":
      return `did not end within ${seconds} s.`;
  }
};

/** What else is to be said of a script that failed: the last that it printed, and hosts that it complains about and may not reach. */
const blame = async (
  { run, deps, stores }: Scene,
  { script, tail, requests, signal }: { script: string; tail: string; requests: number; signal: AbortSignal },
): Promise<string> => {
  // The last of its requests are on their way from the gateway.
  await deps.clock.wait(REQUESTS_TOLD_WITHIN_MS, signal);
  const refused = await stores.audit.read(run.id, { after: requests, limit: REQUESTS_MAX, refusedOnly: true });
  const hosts = blamedHosts(
    `${script}\n${tail}`,
    refused.map(({ host }) => host),
  );
  const last = tail.trimEnd().split("\n").at(-1)?.trim() ?? "";
  const said = last === "" ? "" : ` The last that it printed: ${shortened(last, SAID_MAX_CHARACTERS)}`;
  return hosts.length === 0 ? said : ` It may not reach ${listed(hosts)}: allow that in its set-up.${said}`;
};

/** What git tracks comes from the repository, whatever a set-up made of it. */
const tellChanges = async (scene: Scene, { executor, cut }: OpenedSandbox, signal: AbortSignal): Promise<void> => {
  const until = AbortSignal.any([signal, cut.signal]);
  const diff = await within(scene.deps.clock, { ms: CHANGES_WITHIN_MS, signal: until }, (inTime) => executor.diff(inTime)).catch(
    () => null,
  );
  signal.throwIfAborted();
  const changed = diff?.files.filter(({ status }) => status !== "added").map(({ path }) => path) ?? [];
  if (changed.length === 0) return;
  const text = `Not kept of the set-up, since git tracks it: changes to ${listed(changed)}.`;
  await scene.log.write({ type: "note", text });
};

/** Gives a sandbox, in which the repository is checked out, what the set-up left. */
export const restoreSetup = async (scene: Scene, { executor, cut }: OpenedSandbox, signal: AbortSignal): Promise<void> => {
  const until = AbortSignal.any([signal, cut.signal]);
  try {
    const { skipped } = await executor.restore({ from: SETUP_MOUNT }, until);
    if (skipped.length === 0) return;
    await scene.log.write({
      type: "note",
      text: `Not taken from the set-up, since the repository has it otherwise: ${listed(skipped)}.`,
    });
  } catch (error) {
    signal.throwIfAborted();
    const lost = lossOf(error);
    if (lost !== null) throw lost;
    throw error instanceof CcrError && error.code !== "disk_full" ? failed(messageOf(error), error) : error;
  }
};

/** What the set-up left, for the sandbox in which a step's checks run, too; null: nothing was set up. Throws `RunEnded` when it is gone. */
export const holdSetup = async ({ deps, prepared }: Scene, beside: Workplace): Promise<HeldSetup | null> => {
  const key = prepared?.setup ?? null;
  if (key === null) return null;
  const held = await deps.setup.kept.take(key, setupsFolder(beside));
  if (held === null) throw failed("What it left is not on this server any more.");
  return held;
};
