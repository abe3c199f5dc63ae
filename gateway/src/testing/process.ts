import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { pinnedNode } from "@ccr/testkit";
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

type Options = { controlPath: string; env: Record<string, string>; command?: string[] };

const spawnGateway = ({ controlPath, env, command = [] }: Options) => {
  const [program = pinnedNode, ...rest] = [...command, pinnedNode, gatewayMainPath];
  const child = spawn(program, rest, { env: { GATEWAY_CONTROL: controlPath, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
  }
  return { child, said: () => said };
};

/** Runs the gateway until it ends by itself, as it does when it cannot start. */
export const runGateway = async (options: Options): Promise<{ code: number | null; said: string }> => {
  const { child, said } = spawnGateway(options);
  const [code] = await once(child, "close");
  return { code, said: said() };
};

/** Starts the gateway and waits until it says that it is ready. */
export const startGatewayProcess = async (options: Options): Promise<GatewayProcess> => {
  const { child, said } = spawnGateway(options);
  const ended = once(child, "close");
  const isReady = new Promise<void>((resolve) => {
    child.stdout.on("data", () => said().includes("ready at") && resolve());
  });
  const first = await Promise.race([isReady, ended]);
  if (first !== undefined) throw new Error(`the gateway ended before it was ready: ${said()}`);
  const client = gatewayClient(options.controlPath);
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
