import type { AllowRule, CreateRunInput, Run, RunEnvironment, Task } from "@ccr/protocol";
import type { RunDeps } from "./deps.ts";

/* What the agent of a run, and its checks, may reach beside the model. The set-up of an environment has a network of its own: see `set-up.ts`. */

/** The network preset of a new run, and who said so: its launch, or else its task, or else its environment; else it is `none`. Pure. */
export const networkOf = (
  launch: CreateRunInput["network"],
  task: Task["defaults"]["network"],
  environment: Pick<RunEnvironment, "network"> | null,
): Pick<Run, "network" | "networkBy"> => {
  if (launch !== undefined) return { network: launch, networkBy: "launch" };
  if (task !== null) return { network: task, networkBy: "task" };
  if (environment !== null) return { network: environment.network, networkBy: "environment" };
  return { network: "none", networkBy: null };
};

/** The same for a run that does once more what another one did: what a person or the task said stays, and an environment is as it is today. Pure. */
export const networkAgain = (
  { network, networkBy }: Pick<Run, "network" | "networkBy">,
  environment: Pick<RunEnvironment, "network"> | null,
): Pick<Run, "network" | "networkBy"> =>
  networkBy === "launch" || networkBy === "task" ? { network, networkBy } : networkOf(undefined, null, environment);

/** What knows the hosts that are allowed without being named. */
export type HostsDeps = Pick<RunDeps, "allowedHosts"> & { setup: Pick<RunDeps["setup"], "packageHosts"> };

/** What a run may reach beside what people allowed it; the hosts of packages are those of the machine that asks, as for a set-up. */
export const usualHosts = async (
  { network, environment }: Pick<Run, "network" | "environment">,
  { allowedHosts, setup }: HostsDeps,
): Promise<AllowRule[]> => [
  ...allowedHosts,
  ...(environment?.allowedHosts ?? []),
  ...(network === "packages" ? await setup.packageHosts() : []),
];
