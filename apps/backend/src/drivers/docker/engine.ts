import Docker from "dockerode";

const DEFAULT_SOCKET = "/var/run/docker.sock";

/** Where the engine listens, or why that cannot be used. Pure. */
export const engineSocket = (engine: string | undefined): { socketPath: string } | { problem: string } => {
  if (engine === undefined || engine === "") return { socketPath: DEFAULT_SOCKET };
  const socketPath = /^unix:\/\/(\/.+)$/.exec(engine)?.[1];
  if (socketPath !== undefined) return { socketPath };
  return {
    problem: `DOCKER_HOST is ${withoutUserInfo(engine)}. A sandbox shares folders and unix sockets with this server, so the engine must run on this machine: set DOCKER_HOST to unix:///path/to/docker.sock, or leave it out.`,
  };
};

const withoutUserInfo = (url: string): string => url.replace(/\/\/[^@/]*@/, "//");

/** An engine that is well answers in milliseconds; one under load, or with a slow disk, can take seconds. */
export const ANSWER_WITHIN_MS = 20_000;

/** An engine took a call and gave no answer in time. */
class EngineSilentError extends Error {
  readonly withinMs: number;

  constructor(withinMs: number) {
    super(`no answer within ${withinMs} ms`);
    this.withinMs = withinMs;
  }
}

type AskLimits = { withinMs?: number; signal?: AbortSignal };

/**
 * Asks an engine something. Rejects when the answer is not there in time, and with the signal's reason when that aborts first; the
 * engine may do what it was asked for all the same.
 */
export type AskEngine = <Answer>(call: (docker: Docker) => Promise<Answer>, limits?: AskLimits) => Promise<Answer>;

/** How to ask the engine behind a unix socket, which may take `answerWithinMs` over each call for which nothing else is said. */
export const engineAt =
  (socketPath: string, answerWithinMs = ANSWER_WITHIN_MS): AskEngine =>
  async (call, { withinMs = answerWithinMs, signal } = {}) => {
    signal?.throwIfAborted();
    const stopped = Promise.withResolvers<never>();
    const stop = () => stopped.reject(signal?.reason);
    const timer = setTimeout(() => stopped.reject(new EngineSilentError(withinMs)), withinMs);
    signal?.addEventListener("abort", stop, { once: true });
    try {
      // The client's own limit does not see an answer that breaks off: it only closes the connections that are left behind here.
      return await Promise.race([call(connectEngine(socketPath, { timeoutMs: withinMs + 1_000 })), stopped.promise]);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    }
  };

/** A client of the engine behind a unix socket; nothing is connected yet, and the environment's DOCKER_HOST is not looked at. */
export const connectEngine = (socketPath: string, options: { timeoutMs?: number } = {}): Docker =>
  // Keys that are left out would be filled from the environment.
  new Docker({ socketPath, host: undefined, port: undefined, protocol: "http", timeout: options.timeoutMs });

/** The HTTP status of an engine's error answer, or null when it was something else. */
export const engineStatus = (error: unknown): number | null =>
  error instanceof Error && "statusCode" in error && typeof error.statusCode === "number" ? error.statusCode : null;

const errorCode = (error: unknown): string | null =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : null;

/** What an engine's error says, without the HTTP wrapping that its client adds. */
export const engineMessage = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  if ("json" in error && typeof error.json === "object" && error.json !== null && "message" in error.json)
    return String(error.json.message);
  return error.message;
};

/** Whether an engine that answers like this, or not at all, may be one that is just being started or stopped. */
export const isPassing = (error: unknown): boolean =>
  error instanceof EngineSilentError || ["ECONNREFUSED", "EAGAIN", "ECONNRESET", "EPIPE"].includes(errorCode(error) ?? "");

/** Why the engine behind a socket did not answer, and what to do. */
export const describeEngineError = (error: unknown, socketPath: string): string => {
  if (error instanceof EngineSilentError) {
    return `The Docker Engine at ${socketPath} does not answer: it took the call and gave no answer within ${error.withinMs / 1000} seconds. Restart it.`;
  }
  switch (errorCode(error)) {
    case "ENOENT":
      return `There is no Docker Engine at ${socketPath}. Install and start one, or set DOCKER_HOST to its unix socket.`;
    case "EACCES":
    case "EPERM":
      return `This user may not use the Docker Engine at ${socketPath} (permission denied). Add the user to the group that owns the socket, usually 'docker', and log in again.`;
    case "ECONNREFUSED":
      return `Nothing answers at ${socketPath}: the Docker Engine is not running. Start it, for example with 'systemctl start docker'.`;
    case "EAGAIN":
      return `The Docker Engine at ${socketPath} does not answer: more calls are waiting for it than the socket can hold. Restart it.`;
    case "ENOTSOCK":
    case "ECONNRESET":
    case "EPIPE":
      return `What answers at ${socketPath} is not a Docker Engine, or it is just stopping.`;
    default: {
      const status = engineStatus(error);
      return `The Docker Engine at ${socketPath} answered with an error${status === null ? "" : ` (${status})`}: ${engineMessage(error)}`;
    }
  }
};
