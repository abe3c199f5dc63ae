import { join } from "node:path";
import type { InstanceId, Run, SandboxSpec } from "@ccr/protocol";
import type { InstancePlace } from "../store/instance-types.ts";
import { WAITS_MAX } from "./scene.ts";

/** Where one sandbox keeps its things on the host. */
export type Workplace = InstancePlace & {
  workspace: string;
  home: string;
  spool: string;
  /** What is given to the sandbox to be read. */
  given: string;
  gatewaySocket: string;
  executorSocket: string;
};

export const workplaceAt = (place: InstancePlace): Workplace => ({
  ...place,
  workspace: join(place.root, "workspace"),
  home: join(place.root, "home"),
  spool: join(place.root, "spool"),
  given: join(place.root, "given"),
  gatewaySocket: join(place.doors, "gateway.sock"),
  executorSocket: join(place.doors, "executor.sock"),
});

/** Where in a sandbox that is which a set-up left. */
export const SETUP_MOUNT = "/setup";

// Saving the work and taking everything down may last a while beyond the run's own time.
const LIFETIME_BEYOND_S = 600;

/** A mirror on the host, and where a sandbox sees it. */
export type MountedMirror = { path: string; target: string };

/** What the driver is asked for: the layout inside is the same for every driver. */
export const sandboxSpec = (options: {
  run: Run;
  instanceId: InstanceId;
  place: Workplace;
  image: string;
  /** From what is cloned, each where it is on the host and where it is seen inside; none when nothing is cloned any more. */
  mirrors: readonly MountedMirror[];
  /** Whether there is something for it in the place's `given`. */
  isGiven: boolean;
  /** On the host, what a set-up left for it; null: nothing is to come from there, or not any more. */
  setup: string | null;
  /** For the agent, the checks and the set-up. */
  variables: Readonly<Record<string, string>>;
  /** Whether an agent is to be started ahead of its first prompt. */
  prewarm: boolean;
  now: Date;
}): SandboxSpec => {
  const { run, instanceId, place, image, mirrors, isGiven, setup, variables, prewarm, now } = options;
  const { memoryMb, cpus, processes, diskMb, timeSeconds, answerSeconds, turns, budgetUsd } = run.limits;
  // While a person is waited for, the time of a run stands still and that of its sandbox does not.
  const lifetimeS = timeSeconds + (WAITS_MAX + 1) * answerSeconds + LIFETIME_BEYOND_S;
  return {
    instanceId,
    image,
    env: {
      EXECUTOR_LISTEN: "/doors/executor.sock",
      EXECUTOR_GATEWAY: "/doors/gateway.sock",
      EXECUTOR_SPOOL: "/spool",
      EXECUTOR_WORKSPACE: "/workspace",
      // Claude Code is started while the sandbox is still being set up; with other limits it would have to be started again.
      EXECUTOR_PREWARM: prewarm ? "1" : "0",
      EXECUTOR_MAX_TURNS: String(turns),
      EXECUTOR_PERMISSION_MODE: run.permissionMode,
      EXECUTOR_ASKS: run.asks ? "1" : "0",
      ...(budgetUsd === null ? {} : { EXECUTOR_MAX_BUDGET_USD: String(budgetUsd) }),
      ...(Object.keys(variables).length === 0 ? {} : { EXECUTOR_VARIABLES: JSON.stringify(variables) }),
      ...(run.model === null ? {} : { EXECUTOR_MODEL: run.model }),
      // A sandbox that no server comes back to ends by itself.
      EXECUTOR_LIFETIME_SECONDS: String(lifetimeS),
      // Node's own list of authorities knows none that the image, or this machine, was given in addition.
      NODE_EXTRA_CA_CERTS: "/etc/ssl/certs/ca-certificates.crt",
    },
    mounts: [
      { source: place.doors, target: "/doors", readOnly: false },
      { source: place.workspace, target: "/workspace", readOnly: false },
      { source: place.home, target: "/home/agent", readOnly: false },
      { source: place.spool, target: "/spool", readOnly: false },
      ...mirrors.map(({ path, target }) => ({ source: path, target, readOnly: true })),
      ...(setup === null ? [] : [{ source: setup, target: SETUP_MOUNT, readOnly: true }]),
      ...(isGiven ? [{ source: place.given, target: "/given", readOnly: true }] : []),
    ],
    limits: { memoryMb, cpus, processes, diskMb },
    deadline: new Date(now.getTime() + lifetimeS * 1000).toISOString(),
  };
};
