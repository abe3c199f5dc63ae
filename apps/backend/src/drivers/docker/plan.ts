import type { InstanceId, SandboxHandle, SandboxSpec } from "@ccr/protocol";
import type Docker from "dockerode";
import type { Identity } from "../identity.ts";
import {
  diskLimitBytes,
  EXECUTOR_COMMAND,
  memoryFolders,
  memoryLimitBytes,
  OPEN_FILES,
  RUNTIME_TREE,
  sandboxEnvironment,
} from "../layout.ts";

/** The labels on everything that this driver makes. */
export const LABELS = {
  owner: "ccr.owner",
  instance: "ccr.instance",
  deadline: "ccr.deadline",
  /** The handle as JSON: a container is found again even when the server's files are lost. */
  handle: "ccr.handle",
} as const;

/** The container's name is made from the instance's id, so a second `create` runs into the first one. */
export const containerName = (instanceId: InstanceId): string => `ccr-${instanceId}`;

export type PlanInput = {
  spec: SandboxSpec;
  handle: SandboxHandle;
  owner: string;
  identity: Identity;
  /** Host paths of the files that become `/etc/passwd` and `/etc/group`. */
  accounts: { passwd: string; group: string };
  /** The names of the variables that the image sets. */
  imageEnvironment: readonly string[];
  /** Variables of the image that somebody named, which its programs need; its search path is put behind ours. */
  baseVariables: Readonly<Record<string, string>>;
  /** How many processors the engine has; asking for more is an error. */
  cpus: number;
};

/** What the engine is asked to make. Pure. */
export const containerRequest = (input: PlanInput): Docker.ContainerCreateOptions & { name: string } => {
  const { spec, identity } = input;
  const { limits } = spec;
  const memory = memoryLimitBytes(limits);
  const folders = memoryFolders(limits);
  return {
    name: containerName(spec.instanceId),
    Image: spec.image,
    Cmd: [...EXECUTOR_COMMAND],
    User: `${identity.uid}:${identity.gid}`,
    WorkingDir: "/",
    Hostname: "sandbox",
    Env: containerEnvironment(withBase(sandboxEnvironment(spec), input.baseVariables), input.imageEnvironment),
    Labels: {
      [LABELS.owner]: input.owner,
      [LABELS.instance]: spec.instanceId,
      [LABELS.deadline]: spec.deadline,
      [LABELS.handle]: JSON.stringify(input.handle),
    },
    HostConfig: {
      NetworkMode: "none",
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges"],
      ReadonlyRootfs: true,
      // An engine that maps users to others would make the mounts belong to a stranger.
      UsernsMode: "host",
      Memory: memory,
      // Memory and swap together: so there is no swap.
      MemorySwap: memory,
      NanoCpus: Math.round(Math.min(limits.cpus, input.cpus) * 1e9),
      PidsLimit: limits.processes,
      Ulimits: [
        { Name: "fsize", Soft: diskLimitBytes(limits), Hard: diskLimitBytes(limits) },
        { Name: "nofile", Soft: OPEN_FILES, Hard: OPEN_FILES },
        { Name: "core", Soft: 0, Hard: 0 },
      ],
      ShmSize: folders.shm,
      Tmpfs: {
        "/tmp": `rw,exec,nosuid,nodev,mode=1777,size=${folders.tmp}`,
        "/var/tmp": `rw,exec,nosuid,nodev,mode=1777,size=${folders.run}`,
        "/run": `rw,nosuid,nodev,noexec,mode=755,size=${folders.run}`,
      },
      Mounts: [
        ...spec.mounts.map(({ source, target, readOnly }) => bind(source, target, readOnly)),
        bind(input.accounts.passwd, "/etc/passwd", true),
        bind(input.accounts.group, "/etc/group", true),
      ],
      LogConfig: { Type: "json-file", Config: { "max-size": "1m", "max-file": "2" } },
      RestartPolicy: { Name: "no" },
    },
  };
};

const bind = (source: string, target: string, readOnly: boolean) => ({
  Type: "bind" as const,
  Source: source,
  Target: target,
  ReadOnly: readOnly,
});

const withBase = (own: Record<string, string>, base: Readonly<Record<string, string>>): Record<string, string> => ({
  ...base,
  ...own,
  ...(base.PATH === undefined ? {} : { PATH: `${RUNTIME_TREE}/bin:${base.PATH}:${RUNTIME_TREE}/fallback` }),
});

/** A name without a value takes a variable away: what the image or the engine sets by itself must not come in. */
const containerEnvironment = (wanted: Record<string, string>, imageEnvironment: readonly string[]): string[] => [
  ...Object.entries(wanted).map(([name, value]) => `${name}=${value}`),
  ...["HOSTNAME", ...imageEnvironment].filter((name) => !Object.hasOwn(wanted, name)),
];

/** The names in an image's `NAME=value` list. */
export const environmentNames = (list: readonly string[]): string[] => list.flatMap((entry) => entry.split("=", 1));
