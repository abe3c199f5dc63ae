import { createServer } from "node:http";
import { connect, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { join as joinStreams } from "./relay.ts";

/*
 * The world outside, in a network namespace of its own: a web server at a public address, which nobody but those in the namespace can reach. What comes
 * through `in.sock` is led to a port of the namespace's loopback, which its first line names; and what comes to a port that is asked for on standard
 * input is led to `out.sock`, with the same first line.
 */

const [address = "", folder = ""] = process.argv.slice(2);
const tell = (what: Record<string, unknown>): void => void process.stdout.write(`${JSON.stringify(what)}\n`);
const listening = (server: Server, where: { port: number; host: string } | { path: string }): Promise<void> =>
  new Promise((resolve, reject) => server.once("error", reject).listen(where, resolve));

const web = createServer((request, response) => {
  tell({ request: `${request.headers.host?.split(":")[0] ?? ""} ${request.url ?? ""}` });
  response.end(request.url);
});
await listening(web, { port: 0, host: address });

const entrance = createTcpServer((socket) => {
  socket.once("data", (first: Buffer) => {
    const end = first.indexOf("\n");
    const target = connect({ port: Number(first.subarray(0, end).toString()), host: "127.0.0.1" });
    if (end + 1 < first.length) target.write(first.subarray(end + 1));
    joinStreams(socket, target);
  });
  socket.on("error", () => {});
});
await listening(entrance, { path: join(folder, "in.sock") });

const lead = async (port: number): Promise<void> => {
  const exit = createTcpServer((socket: Socket) => {
    const target = connect({ path: join(folder, "out.sock") });
    target.write(`${port}\n`);
    joinStreams(socket, target);
  });
  await listening(exit, { port, host: "127.0.0.1" });
  tell({ leads: port });
};
createInterface({ input: process.stdin }).on("line", (line) => void lead(Number(line)));
// Whoever started it is gone.
process.stdin.on("end", () => process.exit(0));

const bound = web.address();
tell({ port: typeof bound === "object" ? bound?.port : null });
