import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { pinnedNode, temporaryFolder, waitFor } from "@ccr/testkit";
import { z } from "zod";
import { join } from "./relay.ts";

/** A network namespace in which a web server has a public address, as far as gateways can tell. Nothing of it leaves the namespace. */
export type Outside = AsyncDisposable & {
  /** Where the web server listens: it answers every request with its path. */
  port: number;
  /** What it was asked for, as `host path`. */
  requests: readonly string[];
  /** By which its names are found, to be seen as `/etc/hosts`. */
  hostsFile: string;
  /** The namespace, as `nsenter` takes it. */
  namespace: string;
  /** Gives a port of this machine's loopback that leads to the same port of the namespace's. */
  publish(): Promise<number>;
  /** Lets a port of the namespace's loopback lead to the same port of this machine's. Idempotent. */
  lead(port: number): Promise<void>;
};

// Any address that counts as public will do: within the namespace it is the namespace's own, and there is no way out of it.
const ADDRESS = "25.0.0.1";
// Ports that are given there are none that are given here: a port of this machine that is to be led to is free there.
const PORTS = "10000 19999";
const SCRIPT =
  'echo "$4" > /proc/sys/net/ipv4/ip_local_port_range && ip link set lo up && ip address add "$1/32" dev lo && exec "$0" "$2" "$1" "$3"';

const Line = z.union([z.object({ port: z.number() }), z.object({ request: z.string() }), z.object({ leads: z.number() })]);

/** A server that remembers what is connected to it, to cut it at its end. */
const listen = async (
  onConnection: (socket: Socket) => void,
  where: { port: number; host: string } | { path: string },
): Promise<Server & AsyncDisposable> => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    onConnection(socket);
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(where, resolve));
  return Object.assign(server, {
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  });
};

/** Starts it, with these names; `inside` are names that lead to the loopback. Takes root: `why` says what is missing. */
export const startOutside = async (names: readonly string[], inside: readonly string[]): Promise<Outside | { why: string }> => {
  if (process.getuid?.() !== 0) return { why: "a network namespace of one's own takes root" };
  const parts = new AsyncDisposableStack();
  try {
    const folder = parts.use(await temporaryFolder());
    const hostsFile = folder.join("hosts");
    const lines = [`127.0.0.1 localhost ${inside.join(" ")}`, ...names.map((name) => `${ADDRESS} ${name}`), ""];
    await writeFile(hostsFile, lines.join("\n"));
    const program = new URL("./outside-main.ts", import.meta.url).pathname;
    const child = spawn("unshare", ["--net", "sh", "-c", SCRIPT, pinnedNode, ADDRESS, program, folder.path, PORTS]);
    const gone = new Promise<void>((resolve) => child.once("close", () => resolve()));
    parts.defer(async () => {
      child.stdin.end();
      child.kill("SIGKILL");
      await gone;
    });
    const requests: string[] = [];
    const led = new Set<number>();
    let port: number | null = null;
    let complaints = "";
    child.stderr.on("data", (text) => (complaints += text));
    createInterface({ input: child.stdout }).on("line", (text) => {
      const line = Line.parse(JSON.parse(text));
      if ("port" in line) port = line.port;
      else if ("leads" in line) led.add(line.leads);
      else requests.push(line.request);
    });
    const bound = await waitFor(() => port ?? (child.exitCode !== null && "ended"), { what: "the world outside" });
    if (bound === "ended") {
      await parts.disposeAsync();
      return { why: `no network namespace can be had: ${complaints.trim()}` };
    }
    const exit = (socket: Socket): void => {
      socket.on("error", () => {});
      socket.once("data", (first: Buffer) => {
        const end = first.indexOf("\n");
        const target = connect({ port: Number(first.subarray(0, end).toString()), host: "127.0.0.1" });
        if (end + 1 < first.length) target.write(first.subarray(end + 1));
        join(socket, target);
      });
    };
    parts.use(await listen(exit, { path: folder.join("out.sock") }));
    return {
      port: bound,
      requests,
      hostsFile,
      namespace: `/proc/${child.pid}/ns/net`,
      publish: async () => {
        let published = 0;
        const enter = (socket: Socket): void => {
          const target = connect({ path: folder.join("in.sock") });
          target.write(`${published}\n`);
          join(socket, target);
        };
        const address = parts.use(await listen(enter, { port: 0, host: "127.0.0.1" })).address();
        if (address === null || typeof address === "string") throw new Error("there is no port");
        published = address.port;
        return published;
      },
      lead: async (target) => {
        if (!led.has(target)) child.stdin.write(`${target}\n`);
        await waitFor(() => led.has(target), { what: `the way to port ${target}` });
      },
      [Symbol.asyncDispose]: () => parts.disposeAsync(),
    };
  } catch (error) {
    await parts.disposeAsync();
    throw error;
  }
};
