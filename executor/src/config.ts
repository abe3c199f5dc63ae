import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { basename, isAbsolute, join, resolve } from "node:path";
import { DEFAULT_PERMISSION_MODE, PermissionMode } from "@ccr/protocol";
import { z } from "zod";

export type ListenAddress =
  | { kind: "tcp"; host: string; port: number }
  /** `mode`: the socket file's permission bits. */
  | { kind: "socket"; path: string; mode: number };

/** What the first execution is expected to ask for: a Claude Code process with these settings is started in advance. */
export interface AgentSettings {
  model: string | null;
  maxTurns: number | null;
  maxBudgetUsd: number | null;
  permissionMode: PermissionMode;
  /** Whether somebody is there to be asked. */
  asks: boolean;
}

export interface Config {
  listen: ListenAddress;
  token: string | null;
  workspace: string;
  spoolFolder: string;
  /** The gateway's socket, and the loopback port on which it is offered to the agent. */
  gateway: { socketPath: string; port: number } | null;
  /** Null: the agent is started by the first execution. */
  prewarm: AgentSettings | null;
  /** Claude Code's executable; null: the one that the Agent SDK brings. */
  claudeExecutable: string | null;
  home: string;
  /** After this time it ends by itself; null: never. */
  lifetimeMs: number | null;
  /** What a person wants the agent, the checks and the set-up to have, whatever its names look like. */
  variables: Readonly<Record<string, string>>;
  /** What child processes may inherit: the environment without the executor's own settings and its compile cache. */
  environment: Readonly<Record<string, string>>;
}

export type ConfigResult = { ok: true; config: Config } | { ok: false; message: string };

export const USAGE = `The executor: a small server that drives Claude Code in one workspace.

Usage: node executor/src/main.ts [--help | --compile]

With --compile it loads all of its modules and ends: so Node fills the folder that NODE_COMPILE_CACHE names.

Environment:
  EXECUTOR_LISTEN          host:port, [ipv6]:port or an absolute socket path (default 127.0.0.1:4200)
  EXECUTOR_TOKEN           the bearer token that every route asks for; required when listening on host:port
  EXECUTOR_SOCKET_MODE     permission bits of the socket file, octal (default 600)
  EXECUTOR_WORKSPACE       where repositories are cloned and the agent works (default /workspace)
  EXECUTOR_SPOOL           folder of the event spool, outside of the workspace (default ~/.ccr-executor/<workspace>, its own for each)
  EXECUTOR_GATEWAY         the gateway's socket; all network traffic of the agent and of git then goes through it
  EXECUTOR_GATEWAY_PORT    the loopback port that leads to the gateway (default 3128)
  EXECUTOR_PREWARM         1 (default) starts Claude Code in advance, 0 with the first execution
  EXECUTOR_MODEL           the model to start Claude Code in advance for
  EXECUTOR_MAX_TURNS       the turn limit to start Claude Code in advance for
  EXECUTOR_MAX_BUDGET_USD  the limit of money to start Claude Code in advance for
  EXECUTOR_PERMISSION_MODE what Claude Code is started in advance to do without asking (default ${DEFAULT_PERMISSION_MODE})
  EXECUTOR_ASKS            1 starts it in advance with somebody to be asked, 0 (default) with nobody
  EXECUTOR_VARIABLES       further variables for the agent, checks and set-ups, as a JSON object of texts
  EXECUTOR_LIFETIME_SECONDS  the executor ends by itself after this time, whatever goes on (default: never)
  EXECUTOR_CLAUDE          Claude Code's executable (default: the one that the Agent SDK brings)
  ANTHROPIC_*, CLAUDE_*    passed on to Claude Code when there is no gateway

Ends with 143 on SIGTERM and 130 on SIGINT, with 0 after its lifetime, and with 75 when another executor works with the spool.
`;

/** sizeof(sockaddr_un.sun_path) - 1 on Linux. */
export const SOCKET_PATH_MAX_BYTES = 107;

class BadValue extends Error {}

const parseListen = (text: string, mode: number): ListenAddress => {
  if (text.startsWith("/")) {
    const bytes = Buffer.byteLength(text);
    if (bytes > SOCKET_PATH_MAX_BYTES) {
      throw new BadValue(`EXECUTOR_LISTEN: the socket path has ${bytes} bytes; at most ${SOCKET_PATH_MAX_BYTES} fit`);
    }
    return { kind: "socket", path: text, mode };
  }
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65535) {
    throw new BadValue(`EXECUTOR_LISTEN: '${text}' is neither host:port nor an absolute socket path`);
  }
  return { kind: "tcp", host, port };
};

/** The folder of what Node has compiled, for the executor alone: what another program writes there is what Node runs next. */
const COMPILE_CACHE = "NODE_COMPILE_CACHE";

type Environment = Readonly<Record<string, string | undefined>>;

const number = (env: Environment, name: string, { integer, max }: { integer: boolean; max: number }): number | null => {
  const text = env[name];
  if (text === undefined || text === "") return null;
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value <= 0 || value > max || (integer && !Number.isInteger(value))) {
    throw new BadValue(`${name}: '${text}' is not a ${integer ? "whole number" : "number"} greater than 0 and up to ${max}`);
  }
  return value;
};

const flag = (name: string, text: string): boolean => {
  if (text !== "0" && text !== "1") throw new BadValue(`${name}: '${text}' is neither 1 nor 0`);
  return text === "1";
};

const permissionMode = (name: string, text: string): PermissionMode => {
  const mode = PermissionMode.safeParse(text);
  if (!mode.success) throw new BadValue(`${name}: '${text}' is none of ${PermissionMode.options.join(", ")}`);
  return mode.data;
};

const Variables = z.record(z.string().regex(/^[A-Za-z_]\w*$/), z.string());

const variables = (name: string, text: string | undefined): Record<string, string> => {
  if (!text) return {};
  try {
    return Variables.parse(JSON.parse(text));
  } catch {
    throw new BadValue(`${name}: this is not a JSON object of names and texts`);
  }
};

const absolute = (name: string, path: string): string => {
  if (!isAbsolute(path)) throw new BadValue(`${name}: '${path}' is not an absolute path`);
  return resolve(path);
};

const isInside = (folder: string, path: string): boolean =>
  path === folder || path.startsWith(folder === "/" ? "/" : `${folder}/`);

/** Reads the environment; a bad value gives one line that names the variable. Pure. */
export const readConfig = (env: Environment): ConfigResult => {
  try {
    const modeText = env.EXECUTOR_SOCKET_MODE || "600";
    if (!/^0?[0-7]{3}$/.test(modeText))
      throw new BadValue(`EXECUTOR_SOCKET_MODE: '${modeText}' is not an octal mode such as 600`);
    const listen = parseListen(env.EXECUTOR_LISTEN || "127.0.0.1:4200", Number.parseInt(modeText, 8));
    const token = env.EXECUTOR_TOKEN || null;
    if (token !== null && !/^[\x21-\x7e]+$/.test(token)) {
      throw new BadValue("EXECUTOR_TOKEN: the token may hold only visible ASCII characters without spaces");
    }
    if (listen.kind === "tcp" && token === null) {
      throw new BadValue(
        "EXECUTOR_TOKEN is not set: it is required when listening on host:port, because whoever reaches the port can run commands",
      );
    }
    const home = absolute("HOME", env.HOME || homedir());
    const workspace = absolute("EXECUTOR_WORKSPACE", env.EXECUTOR_WORKSPACE || "/workspace");
    const spoolFolder = absolute("EXECUTOR_SPOOL", env.EXECUTOR_SPOOL || ownSpool(home, workspace));
    if (isInside(workspace, spoolFolder)) {
      throw new BadValue(`EXECUTOR_SPOOL: '${spoolFolder}' is inside the workspace; choose a folder outside of ${workspace}`);
    }
    const prewarm = flag("EXECUTOR_PREWARM", env.EXECUTOR_PREWARM || "1");
    const settings: AgentSettings = {
      model: env.EXECUTOR_MODEL || null,
      maxTurns: number(env, "EXECUTOR_MAX_TURNS", { integer: true, max: 1_000_000 }),
      maxBudgetUsd: number(env, "EXECUTOR_MAX_BUDGET_USD", { integer: false, max: 1_000_000 }),
      permissionMode: permissionMode("EXECUTOR_PERMISSION_MODE", env.EXECUTOR_PERMISSION_MODE || DEFAULT_PERMISSION_MODE),
      asks: flag("EXECUTOR_ASKS", env.EXECUTOR_ASKS || "0"),
    };
    const gateway = env.EXECUTOR_GATEWAY;
    const port = env.EXECUTOR_GATEWAY_PORT === "0" ? 0 : number(env, "EXECUTOR_GATEWAY_PORT", { integer: true, max: 65535 });
    const claude = env.EXECUTOR_CLAUDE;
    // Ten years; more is a mistake in the unit.
    const lifetimeSeconds = number(env, "EXECUTOR_LIFETIME_SECONDS", { integer: false, max: 315_360_000 });
    const environment: Record<string, string> = {};
    for (const [name, value] of Object.entries(env)) {
      if (value !== undefined && name !== COMPILE_CACHE && !name.startsWith("EXECUTOR_")) environment[name] = value;
    }
    return {
      ok: true,
      config: {
        listen,
        token,
        workspace,
        spoolFolder,
        gateway: gateway ? { socketPath: absolute("EXECUTOR_GATEWAY", gateway), port: port ?? 3128 } : null,
        prewarm: prewarm ? settings : null,
        claudeExecutable: claude ? absolute("EXECUTOR_CLAUDE", claude) : null,
        home,
        variables: variables("EXECUTOR_VARIABLES", env.EXECUTOR_VARIABLES),
        lifetimeMs: lifetimeSeconds === null ? null : lifetimeSeconds * 1000,
        environment: { ...environment, HOME: home },
      },
    };
  } catch (error) {
    if (error instanceof BadValue) return { ok: false, message: error.message };
    throw error;
  }
};

/** A spool has one writer, so executors of different workspaces must not share one. The digest keeps apart what the readable part does not. */
const ownSpool = (home: string, workspace: string): string => {
  const digest = createHash("sha256").update(workspace).digest("hex").slice(0, 12);
  return join(
    home,
    ".ccr-executor",
    `${basename(workspace)
      .replace(/[^\w-]/g, "_")
      .slice(0, 40)}-${digest}`,
  );
};

/** Reads the process's environment, and takes the compile cache out of it; to be called once, at the start. */
export const loadConfig = (): ConfigResult => {
  // Node has read it. The Agent SDK starts programs with what is left here.
  delete process.env[COMPILE_CACHE];
  return readConfig(process.env);
};
