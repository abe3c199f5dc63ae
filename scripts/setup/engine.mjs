import { request as plainRequest } from "node:http";
import { errorCode } from "./commands.mjs";

const DEFAULT_SOCKET = "/var/run/docker.sock";

/**
 * Where the Docker Engine is expected. Pure.
 * @param {NodeJS.ProcessEnv} env
 * @returns {{ kind: "socket", socketPath: string } | { kind: "tcp", host: string, port: number } | { kind: "other", address: string }}
 */
export const engineAddress = (env) => {
  const given = env.DOCKER_HOST ?? "";
  if (given === "") return { kind: "socket", socketPath: DEFAULT_SOCKET };
  if (given.startsWith("unix://")) return { kind: "socket", socketPath: given.slice("unix://".length) };
  const tcp = /^(?:tcp|http):\/\/(\[[^\]]+\]|[^:/]+)(?::(\d+))?\/?$/.exec(given);
  if (tcp === null || (env.DOCKER_TLS_VERIFY ?? "") !== "") return { kind: "other", address: given };
  return { kind: "tcp", host: (tcp[1] ?? "").replace(/^\[|\]$/g, ""), port: Number(tcp[2] ?? 2375) };
};

/**
 * Asks the Docker Engine for a sign of life. Never throws; answers within two seconds.
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<{ answers: true, sentence: string } | { answers: false, why: string }>}
 */
export const probeEngine = (env) => {
  const address = engineAddress(env);
  // TLS and ssh want keys that the server's own client handles; whoever names such an engine means it.
  if (address.kind === "other") return Promise.resolve({ answers: true, sentence: `Docker Engine at ${address.address}` });
  const where = address.kind === "socket" ? address.socketPath : `${address.host}:${address.port}`;
  const target = address.kind === "socket" ? { socketPath: address.socketPath } : { host: address.host, port: address.port };
  return new Promise((resolve) => {
    const ping = plainRequest({ ...target, path: "/_ping", timeout: 2000 }, (response) => {
      response.resume();
      if (response.statusCode === 200) resolve({ answers: true, sentence: `Docker Engine at ${where}` });
      else
        resolve({
          answers: false,
          why: `${where} answers, but with HTTP ${response.statusCode} instead of a Docker Engine's 200`,
        });
    });
    ping.once("timeout", () => ping.destroy(new Error("no answer within 2 seconds")));
    ping.once("error", (error) => {
      const code = errorCode(error);
      const why =
        code === "ENOENT" || code === "ECONNREFUSED"
          ? `no Docker Engine runs at ${where}`
          : code === "EACCES"
            ? `the Docker Engine's socket ${where} may not be opened by this user (add it to the group "docker")`
            : `no Docker Engine answers at ${where} (${error.message})`;
      resolve({ answers: false, why });
    });
    ping.end();
  });
};
