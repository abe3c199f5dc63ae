import { dirname } from "node:path";
import type { SandboxSpec } from "@ccr/protocol";
import { type Identity, SANDBOX_HOME } from "../identity.ts";
import { COMPILE_CACHE, EXECUTOR_COMMAND, memoryFolders, RUNTIME_TREE, sandboxEnvironment } from "../layout.ts";
import type { HostSystem } from "./host.ts";

export type PlanInput = {
  spec: Pick<SandboxSpec, "env" | "mounts" | "limits">;
  host: HostSystem;
  /** Who the server is: root gives its rights away, anybody else needs a user namespace. */
  server: Identity;
  /** Whom the sandbox's processes run as. */
  identity: Identity;
  /** The checkout that becomes the runtime tree. */
  projectRoot: string;
  /** The host's folder of what Node has compiled of it; null: none. */
  compileCache: string | null;
  architecture: NodeJS.Architecture;
  /** Host paths of the files made for this sandbox, by their name below /etc. */
  etc: Record<string, string>;
  /** Open files that bwrap reads its filter from and writes its status to; null: none. */
  seccompFd: number | null;
  statusFd: number | null;
};

/** What of the checkout a sandbox gets to see. The workspace links in node_modules lead to the folders beside it. */
const RUNTIME_PARTS = ["node_modules", "executor", "packages/protocol", "package.json"] as const;

// What the exchange of root for a plain user needs, for as long as that takes.
const EXCHANGE_CAPABILITIES = ["CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"] as const;

const isRoot = (input: Pick<PlanInput, "server">): boolean => input.server.uid === 0;

/** The arguments of bwrap, without the command. Pure. */
export const bwrapArguments = (input: PlanInput): string[] => [
  ...namespaces(input),
  ...system(input),
  ...runtimeTree(input),
  ...memory(input),
  ...input.spec.mounts.flatMap(({ source, target, readOnly }) => [
    ...(dirname(target) === "/" ? [] : openFolder(dirname(target))),
    ...[readOnly ? "--ro-bind" : "--bind", source, target],
  ]),
  ...["--remount-ro", "/dev"],
  ...["--remount-ro", "/"],
  ...["--chdir", "/"],
  "--clearenv",
  ...Object.entries(sandboxEnvironment(input.spec)).flatMap(([name, value]) => ["--setenv", name, value]),
  ...(input.seccompFd === null ? [] : ["--seccomp", String(input.seccompFd)]),
  ...(input.statusFd === null ? [] : ["--json-status-fd", String(input.statusFd)]),
];

const namespaces = (input: PlanInput): string[] => [
  "--unshare-pid",
  "--unshare-net",
  "--unshare-ipc",
  "--unshare-uts",
  "--unshare-cgroup-try",
  ...(isRoot(input) ? [] : ["--unshare-user", "--uid", String(input.identity.uid), "--gid", String(input.identity.gid)]),
  ...["--hostname", "sandbox"],
  // Away from the server's terminal, into which a sandbox could type otherwise.
  "--new-session",
  ...["--cap-drop", "ALL"],
  ...(isRoot(input) ? EXCHANGE_CAPABILITIES.flatMap((capability) => ["--cap-add", capability]) : []),
];

/** Folders that stand above others are made first: bwrap would make them for root alone. */
const openFolder = (path: string): string[] => ["--perms", "0755", "--dir", path];

const system = ({ host, etc }: PlanInput): string[] => [
  ...host.folders.flatMap((path) => ["--ro-bind", path, path]),
  ...host.links.flatMap(({ path, target }) => ["--symlink", target, path]),
  ...host.hidden.flatMap((path) => ["--perms", "0755", "--tmpfs", path, "--remount-ro", path]),
  ...["/etc", "/etc/ssl", "/etc/pki", "/etc/pki/tls"].flatMap(openFolder),
  ...host.configuration.flatMap((path) => ["--ro-bind-try", path, path]),
  ...Object.entries(etc).flatMap(([name, source]) => ["--ro-bind", source, `/etc/${name}`]),
  ...["--proc", "/proc", "--dev", "/dev"],
];

const runtimeTree = ({ projectRoot, compileCache, architecture }: PlanInput): string[] => [
  ...["/opt", RUNTIME_TREE, `${RUNTIME_TREE}/packages`, `${RUNTIME_TREE}/bin`, `${RUNTIME_TREE}/fallback`].flatMap(openFolder),
  ...RUNTIME_PARTS.flatMap((part) => ["--ro-bind", `${projectRoot}/${part}`, `${RUNTIME_TREE}/${part}`]),
  // A sandbox starts without it as well.
  ...(compileCache === null ? [] : ["--ro-bind-try", compileCache, COMPILE_CACHE]),
  ...["--symlink", `../node_modules/@anthropic-ai/claude-agent-sdk-linux-${architecture}/claude`, `${RUNTIME_TREE}/bin/claude`],
  ...["--symlink", "../node_modules/.bin/node", `${RUNTIME_TREE}/fallback/node`],
];

const memory = ({ spec }: PlanInput): string[] => {
  const { tmp, shm, run } = memoryFolders(spec.limits);
  return [
    ...["--perms", "1777", "--size", String(shm), "--tmpfs", "/dev/shm"],
    ...["--perms", "1777", "--size", String(tmp), "--tmpfs", "/tmp"],
    ...["--perms", "0755", "--size", String(run), "--tmpfs", "/run"],
    ...openFolder("/var"),
    ...["--symlink", "/tmp", "/var/tmp"],
    ...["--symlink", "/run", "/var/run"],
    ...openFolder("/home"),
    ...["--perms", "0755", "--dir", SANDBOX_HOME],
  ];
};

/**
 * What bwrap executes for a command: it gives away what is left of root, or of the number of processes where no control group
 * limits it, and takes out the one variable that bwrap adds by itself. Pure.
 */
export const commandInside = (
  { server, identity, processLimit }: { server: Identity; identity: Identity; processLimit: number | null },
  command: readonly string[] = EXECUTOR_COMMAND,
): string[] => [
  ...(server.uid === 0 ? becomePlain(identity) : []),
  ...(processLimit === null ? [] : ["/usr/bin/prlimit", `--nproc=${processLimit}:${processLimit}`]),
  ...["/usr/bin/env", "-u", "PWD"],
  ...command,
];

const becomePlain = ({ uid, gid }: Identity): string[] => [
  "/usr/bin/setpriv",
  `--reuid=${uid}`,
  `--regid=${gid}`,
  "--clear-groups",
  "--bounding-set=-all",
  "--inh-caps=-all",
  "--no-new-privs",
];
