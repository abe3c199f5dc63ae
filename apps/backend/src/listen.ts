import type { AddressInfo } from "node:net";
import type { ServerType } from "@hono/node-server";
import { StartError } from "./folders.ts";

/** What a person reads when a server cannot listen: why, and which option to change. Pure. */
export const explainListenError = (error: unknown, host: string, port: number): string => {
  const code = error instanceof Error && "code" in error ? error.code : "";
  switch (code) {
    case "EADDRINUSE":
      return `Port ${port} on ${host} is in use; stop what uses it, or choose another with --port.`;
    case "EACCES":
      return `Port ${port} may not be used by this user; choose one above 1023 with --port.`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `'${host}' is not an address of this machine; choose another with --host.`;
    default:
      return `The server cannot listen on ${host}:${port}: ${error instanceof Error ? error.message : String(error)}`;
  }
};

/** Listens; when disposed of, takes no new connection and cuts those that are open. Throws `StartError`. */
export const listen = async (
  server: ServerType,
  { host, port }: { host: string; port: number },
): Promise<AsyncDisposable & { address: AddressInfo }> => {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(new StartError(explainListenError(error, host, port))));
    server.listen(port, host, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new StartError("The server has no address.");
  return {
    address,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        if ("closeAllConnections" in server) server.closeAllConnections();
      }),
  };
};
