import type { MiddlewareHandler } from "hono";
import { matchedRoutes } from "hono/route";
import type { WriteLog } from "../observe/log.ts";
import type { Metrics } from "../observe/metrics.ts";

const TRPC = "/trpc/";

/**
 * A request's route as the server knows it, never as the client wrote it: one of a few, whatever is asked for. Pure.
 * `matched` are the patterns that fit the path, in the order in which they were registered.
 */
export const routeOf = (path: string, matched: readonly string[], isProcedure: (name: string) => boolean): string => {
  if (path.startsWith(TRPC)) {
    const name = path.slice(TRPC.length);
    return isProcedure(name) ? `${TRPC}${name}` : `${TRPC}*`;
  }
  const pattern = matched.find((one) => one !== "*" && one !== "/*") ?? "/*";
  return pattern.replaceAll(/\{[^}]*\}/g, "");
};

/** Counts every request, and writes it to the log at its lowest level: the path without its query, which may hold a token. */
export const observed =
  (options: {
    metrics: Pick<Metrics, "httpRequest">;
    log: WriteLog;
    isProcedure: (name: string) => boolean;
  }): MiddlewareHandler =>
  async (c, next) => {
    const { metrics, log, isProcedure } = options;
    const startedAt = performance.now();
    await next();
    const durationMs = performance.now() - startedAt;
    const { method, path } = c.req;
    const { status } = c.res;
    const route = routeOf(
      path,
      matchedRoutes(c).map((matched) => matched.path),
      isProcedure,
    );
    metrics.httpRequest({ method, route, status, durationMs });
    log("debug", `${method} ${path.slice(0, 500)} ${status}`, { durationMs: Math.round(durationMs * 10) / 10 });
  };
