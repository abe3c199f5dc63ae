import {
  CcrError,
  describeZodError,
  ERROR_STATUS,
  type ErrorCode,
  NOT_AN_ID,
  type ServerAbout,
  type ServerInfo,
} from "@ccr/protocol";
import { initTRPC, TRPCError } from "@trpc/server";
import type { TRPC_ERROR_CODE_KEY } from "@trpc/server/rpc";
import { ZodError } from "zod";
import type { Batches } from "../batches/types.ts";
import type { Credentials } from "../credentials/types.ts";
import type { Environments } from "../environments/types.ts";
import type { Overview } from "../runs/overview.ts";
import type { Files, Instances, Launches, Listing, Network, Repositories, Results, Runs, Shells, Talk } from "../runs/types.ts";
import type { TaskStore } from "../store/types.ts";
import type { Upkeep } from "../upkeep/upkeep.ts";

/** What a procedure may use: one room each, and nothing of HTTP. */
export type Context = {
  tasks: TaskStore;
  runs: Runs;
  results: Results;
  talk: Talk;
  network: Network;
  listing: Listing;
  launches: Launches;
  repositories: Repositories;
  batches: Batches;
  instances: Instances;
  shells: Shells;
  files: Files;
  environments: Environments;
  upkeep: Pick<Upkeep, "disk" | "cleanUp">;
  server: { info(): Promise<ServerInfo>; about(): ServerAbout };
  credentials: Credentials;
  overview: Overview;
};

const TRPC_CODES = {
  bad_request: "BAD_REQUEST",
  unauthorized: "UNAUTHORIZED",
  forbidden: "FORBIDDEN",
  not_found: "NOT_FOUND",
  method_not_allowed: "METHOD_NOT_SUPPORTED",
  conflict: "CONFLICT",
  payload_too_large: "PAYLOAD_TOO_LARGE",
  unprocessable: "UNPROCESSABLE_CONTENT",
  too_many_requests: "TOO_MANY_REQUESTS",
  internal: "INTERNAL_SERVER_ERROR",
  unavailable: "SERVICE_UNAVAILABLE",
  timeout: "GATEWAY_TIMEOUT",
  disk_full: "INTERNAL_SERVER_ERROR",
} as const satisfies Record<ErrorCode, TRPC_ERROR_CODE_KEY>;

const t = initTRPC.context<Context>().create({
  sse: {
    // A comment every 15 s keeps proxies from closing a quiet stream; a client that hears nothing for 40 s opens it again.
    ping: { enabled: true, intervalMs: 15_000 },
    client: { reconnectAfterInactivityMs: 40_000 },
  },
  errorFormatter({ shape, error }) {
    const { stack: _stack, ...data } = shape.data;
    if (error.cause instanceof ZodError) return { ...shape, message: describeZodError(error.cause), data };
    if (error.cause instanceof CcrError) return { ...shape, data: { ...data, httpStatus: ERROR_STATUS[error.cause.code] } };
    // What we did not expect may hold anything: the log gets it, the client does not.
    if (error.code === "INTERNAL_SERVER_ERROR")
      return { ...shape, message: "Something went wrong in the server; its log says what.", data };
    return { ...shape, data };
  },
});

export const router = t.router;

/** Every procedure: turns our errors into tRPC's. */
export const procedure = t.procedure.use(async ({ next }) => {
  const result = await next();
  // Something that cannot be an id is the id of nothing that is there.
  if (
    !result.ok &&
    result.error.cause instanceof ZodError &&
    result.error.cause.issues.every(({ message }) => message.startsWith(NOT_AN_ID))
  ) {
    const message = `There is no such thing: ${describeZodError(result.error.cause)}`;
    throw new TRPCError({ code: "NOT_FOUND", message, cause: new CcrError("not_found", message) });
  }
  if (!result.ok && result.error.cause instanceof CcrError) {
    const { cause } = result.error;
    throw new TRPCError({ code: TRPC_CODES[cause.code], message: cause.message, cause });
  }
  return result;
});
