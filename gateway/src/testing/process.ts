import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { pinnedNode, waitFor } from "@ccr/testkit";
import { type GatewayClient, gatewayClient } from "../client.ts";
import { gatewayMainPath } from "../index.ts";

/** The gateway as its own process; disposing kills it. */
export type GatewayProcess = {
  child: ChildProcess;
  client: GatewayClient;
  /** All that it wrote to its output so far. */
  said(): string;
  /** Sends a signal and waits for the end; gives the exit code. */
  stop(signal: NodeJS.Signals): Promise<number | null>;
} & AsyncDisposable;

type Options = {
  controlPath: string;
  env: Record<string, string>;
  /** A command that runs the gateway, in front of it. */
  command?: string[];
  /** Whether anybody reads what it writes. */
  isHeard?: boolean;
};

const spawnGateway = ({ controlPath, env, command = [], isHeard = true }: Options) => {
  const [program = pinnedNode, ...rest] = [...command, pinnedNode, gatewayMainPath];
  const child = spawn(program, rest, { env: { GATEWAY_CONTROL: controlPath, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    if (!isHeard) stream.destroy();
  }
  return { child, said: () => said };
};

/** Runs the gateway until it ends by itself, as it does when it cannot start. */
export const runGateway = async (options: Options): Promise<{ code: number | null; said: string }> => {
  const { child, said } = spawnGateway(options);
  const [code] = await once(child, "close");
  return { code, said: said() };
};

/** Starts the gateway and waits until it serves. */
export const startGatewayProcess = async (options: Options): Promise<GatewayProcess> => {
  const { child, said } = spawnGateway(options);
  const ended = once(child, "close");
  const client = gatewayClient(options.controlPath);
  await waitFor(
    async () => {
      if (child.exitCode !== null) return true;
      return (await client.health()).status === "ok";
    },
    { what: "the gateway to serve" },
  );
  if (child.exitCode !== null) throw new Error(`the gateway ended before it served: ${said()}`);
  const stop = async (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal);
    const [code] = await ended;
    return code;
  };
  return {
    child,
    client,
    said,
    stop,
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await stop("SIGKILL");
    },
  };
};
