import { CcrError, ERROR_STATUS, errorBody, type Readiness } from "@ccr/protocol";
import { serveStatic } from "@hono/node-server/serve-static";
import { trpcServer } from "@hono/trpc-server";
import { Hono, type Context as HonoContext } from "hono";
import { bodyLimit } from "hono/body-limit";
import { getCookie, setCookie } from "hono/cookie";
import { secureHeaders } from "hono/secure-headers";
import type { WriteLog } from "../observe/log.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { Downloads } from "../runs/types.ts";
import { type Access, SESSION_COOKIE } from "./access.ts";
import { downloadRoutes } from "./downloads.ts";
import { loginPage, pathAfterLogin } from "./login-page.ts";
import { observed } from "./observed.ts";
import { appRouter } from "./router.ts";
import type { Context } from "./trpc.ts";

// A hundred steps of the greatest length fit.
const BODY_MAX_BYTES = 64 * 1024 * 1024;
// Anybody may send this much, and it holds a token.
const LOGIN_MAX_BYTES = 8 * 1024;
const SESSION_SECONDS = 30 * 24 * 3600;

const refuse = (c: HonoContext, error: CcrError) => c.json(errorBody(error), { status: ERROR_STATUS[error.code] });

const limitBody = (maxSize: number, asText: string) =>
  bodyLimit({
    maxSize,
    onError: (c) => refuse(c, new CcrError("payload_too_large", `The request is larger than ${asText}.`)),
  });

export type HttpOptions = {
  access: Access;
  context: Context;
  downloads: Downloads;
  /** Where the built web UI is. */
  uiFolder: string;
  readiness: () => Promise<Readiness>;
  metrics: Pick<Metrics, "httpRequest" | "render">;
  /** Told of errors nobody foresaw, and, at the level `debug`, of every request. */
  log: WriteLog;
};

const bearerOf = (c: HonoContext): string | undefined => /^Bearer (.+)$/i.exec(c.req.header("authorization") ?? "")?.[1];

/** The whole HTTP interface: who may call is decided here, once, before any route. */
export const createHttp = (options: HttpOptions): Hono => {
  const { access, context, uiFolder, downloads, readiness, metrics, log } = options;
  const app = new Hono();
  const unexpected = (path: string, error: unknown): void => log("error", "a request failed", { path, error });

  app.use(observed({ metrics, log, isProcedure: (name) => Object.hasOwn(appRouter._def.procedures, name) }));

  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'self'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", "data:"],
        connectSrc: ["'self'"],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
      },
      xFrameOptions: "DENY",
      // Nothing to other hosts. Without any, browsers would not say either from where the form of the login is sent.
      referrerPolicy: "same-origin",
      // Plain http on the own machine is the normal case; a proxy in front sets this where it belongs.
      strictTransportSecurity: false,
    }),
  );

  // Before the question for whom: what looks after the server asks by its address, without a token. They tell no more than whether it is well.
  app.get("/healthz", (c) => c.text("ok", 200, { "cache-control": "no-store" }));
  app.get("/readyz", async (c) => {
    const answer = await readiness();
    return c.json(answer, answer.ready ? 200 : 503, { "cache-control": "no-store" });
  });
  const tellMetrics = async (c: HonoContext) => {
    const { contentType, body } = await metrics.render();
    return c.body(body, 200, { "content-type": contentType, "cache-control": "no-store" });
  };
  // Who sends the token has it from us, whatever name it calls us by: a page of another origin can send what a browser keeps, but not that.
  app.get("/metrics", async (c, next) => {
    const bearer = bearerOf(c);
    return bearer !== undefined && access.isToken(bearer) ? tellMetrics(c) : next();
  });

  app.use(async (c, next) => {
    const host = c.req.header("host");
    if (!access.isOwnHost(host)) {
      return refuse(
        c,
        new CcrError(
          "forbidden",
          "This server does not answer to that Host name; open it by its address, or set CCR_PUBLIC_URL.",
        ),
      );
    }
    const origin = c.req.header("origin");
    if (origin !== undefined && !access.isOwnOrigin(origin, host)) {
      return refuse(
        c,
        new CcrError(
          "forbidden",
          "Requests from pages of another origin are refused. If this is the server's own page behind a proxy, for instance one for TLS, set CCR_PUBLIC_URL to the address that people open.",
        ),
      );
    }
    await next();
  });

  const openSession = (c: HonoContext): void =>
    setCookie(c, SESSION_COOKIE, access.sessionValue, {
      httpOnly: true,
      sameSite: "Lax",
      path: "/",
      maxAge: SESSION_SECONDS,
      secure: new URL(c.req.url).protocol === "https:" || c.req.header("x-forwarded-proto") === "https",
    });
  const wrongToken = new CcrError(
    "unauthorized",
    "That token is not this server's; use the login link that it printed when it started.",
  );

  app.get("/login", (c) => {
    const token = c.req.query("token");
    if (token === undefined) return c.html(loginPage(null), 200);
    if (!access.isToken(token)) return c.html(loginPage(wrongToken.message), 401);
    openSession(c);
    return c.redirect("/", 303);
  });
  app.post("/login", limitBody(LOGIN_MAX_BYTES, `${LOGIN_MAX_BYTES / 1024} KiB`), async (c) => {
    const isJson = c.req.header("content-type")?.includes("json") === true;
    const body: unknown = isJson ? await c.req.json().catch(() => null) : await c.req.parseBody().catch(() => null);
    const given = (name: string): unknown => (typeof body === "object" && body !== null ? Reflect.get(body, name) : undefined);
    const [token, next] = [given("token"), pathAfterLogin(given("next"))];
    if (typeof token !== "string" || !access.isToken(token.trim())) {
      return isJson ? refuse(c, wrongToken) : c.html(loginPage(wrongToken.message, next), 401);
    }
    openSession(c);
    return isJson ? c.body(null, 204) : c.redirect(next, 303);
  });

  app.use(async (c, next) => {
    const bearer = bearerOf(c);
    const cookie = getCookie(c, SESSION_COOKIE);
    // A wrong bearer token is not made good by a cookie: the caller meant the token.
    const allowed = bearer !== undefined ? access.isToken(bearer) : cookie !== undefined && access.isSession(cookie);
    if (allowed) return next();
    if (c.req.method === "GET" && c.req.header("accept")?.includes("text/html") === true) {
      const { pathname, search } = new URL(c.req.url);
      return c.html(loginPage(null, `${pathname}${search}`), 401);
    }
    return refuse(
      c,
      new CcrError(
        "unauthorized",
        "Give the server's token as 'Authorization: Bearer …', or open the login link that it printed.",
      ),
    );
  });

  // After the question who calls: it gathers what has no stated length, and strangers get no memory.
  app.use(limitBody(BODY_MAX_BYTES, `${BODY_MAX_BYTES / 1024 / 1024} MiB`));

  app.get("/metrics", tellMetrics);

  app.use(
    "/trpc/*",
    trpcServer({
      router: appRouter,
      endpoint: "/trpc",
      createContext: () => ({ ...context }),
      onError: ({ error, path }) => {
        // A stream that ends with one of our errors, as when the database goes away under it, is told to its reader alone.
        const isForeseen = error.cause instanceof CcrError && error.cause.code !== "internal";
        if (error.code === "INTERNAL_SERVER_ERROR" && !isForeseen) unexpected(path ?? "", error.cause ?? error);
      },
    }),
  );

  app.route("/", downloadRoutes({ findRun: (id) => context.runs.get(id), downloads, files: context.files }));

  const serve = (options: { path?: string }) =>
    serveStatic({
      root: uiFolder,
      ...options,
      // The build lays compressed copies beside its files.
      precompressed: true,
      // The build puts a hash of the content into the names below assets/.
      onFound: (path, c) =>
        c.header("cache-control", /[/\\]assets[/\\]/.test(path) ? "public, max-age=31536000, immutable" : "no-cache"),
    });
  app.get("*", serve({}));
  // A path without a file of that name is a page of the UI, whose router knows it.
  app.get("*", async (c, next) => (/\.[a-z0-9]+$/i.test(c.req.path) ? next() : serve({ path: "index.html" })(c, next)));

  app.notFound((c) => refuse(c, new CcrError("not_found", `There is nothing at ${c.req.method} ${c.req.path}.`)));
  app.onError((error, c) => {
    unexpected(c.req.path, error);
    return refuse(c, new CcrError("internal", "Something went wrong in the server; its log says what."));
  });
  return app;
};
