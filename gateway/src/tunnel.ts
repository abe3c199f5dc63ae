import type { IncomingMessage } from "node:http";
import type net from "node:net";
import type { Duplex } from "node:stream";
import { answerErrorOnSocket } from "./answers.ts";
import { inspectClientHello } from "./client-hello.ts";
import { decideProxied, type ProxyContext, refusalMessage } from "./exchange.ts";
import type { Limits } from "./limits.ts";
import { allowed, type Outcome, refused } from "./outcome.ts";
import { parseAuthority, type Target } from "./target.ts";

/** A TLS alert, fatal, `unrecognized_name`: a TLS client says so in its error instead of "connection reset". */
const TLS_ALERT = Buffer.from([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x70]);
/** Time for the last bytes to reach a client that does not close its end. */
const LINGER_MS = 5_000;

/** What may go on after the first bytes of the client: null to wait for more of them. */
const inspect = (
  bytes: Buffer,
  { host, port }: Target,
  isTlsOnly: boolean,
): { ok: true } | { ok: false; rule: string } | null => {
  const hello = inspectClientHello(bytes);
  switch (hello.status) {
    case "incomplete":
      return null;
    case "not_tls":
      return isTlsOnly ? { ok: false, rule: `what was sent to ${host}:${port} is not TLS` } : { ok: true };
    case "malformed":
      return { ok: false, rule: `the TLS greeting to ${host} is malformed` };
    case "hello": {
      if (hello.serverName?.toLowerCase() === host) return { ok: true };
      const named = hello.serverName === null ? "names no server" : `is for ${hello.serverName.slice(0, 253)}`;
      return { ok: false, rule: `the TLS greeting ${named}, not for ${host} as asked` };
    }
  }
};

/** Waits for the client's first bytes and judges them; `bytes` are to be sent on. */
const readGreeting = (client: Duplex, target: Target, limits: Limits): Promise<{ bytes: Buffer; refusal: string | null }> =>
  new Promise((resolve) => {
    const isTlsOnly = limits.tlsOnlyPorts.includes(target.port);
    let bytes: Buffer = Buffer.alloc(0);
    // Only TLS's client surely speaks first; on other ports it is the protocol's affair who does, and when.
    const timer = isTlsOnly ? setTimeout(() => settle("no TLS greeting came in time"), limits.clientHelloMs) : undefined;
    const settle = (refusal: string | null) => {
      clearTimeout(timer);
      client.pause();
      client.off("data", onData).off("end", onEnd).off("close", onEnd);
      resolve({ bytes, refusal });
    };
    const onData = (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      const verdict = inspect(bytes, target, isTlsOnly);
      if (verdict !== null) settle(verdict.ok ? null : verdict.rule);
    };
    const onEnd = () => settle(bytes.length > 0 ? "the TLS greeting broke off" : null);
    client.on("data", onData).on("end", onEnd).on("close", onEnd);
    client.resume();
    if (client.destroyed) onEnd();
  });

const closed = (stream: Duplex): Promise<void> =>
  new Promise((resolve) => {
    if (stream.destroyed && stream.closed) resolve();
    else stream.once("close", () => resolve());
  });

/** Carries bytes both ways until both ends are closed; gives why it ended early, or an empty text. */
const carry = async (client: Duplex, upstream: net.Socket, context: ProxyContext): Promise<string> => {
  let ending = "";
  const cut = (why: string) => {
    if (ending === "" && !upstream.destroyed) ending = `; ${why}`;
    upstream.destroy();
    client.destroy();
  };
  const onAbort = () => cut("cut when the door was closed");
  context.signal.addEventListener("abort", onAbort, { once: true });
  if (context.signal.aborted) onAbort();
  const life = setTimeout(() => cut("cut after its longest time"), context.limits.tunnelMs);
  upstream.setTimeout(context.limits.idleMs, () => cut("cut after a long silence"));
  let linger: NodeJS.Timeout | undefined;
  upstream.on("close", () => {
    client.end();
    // Nobody takes what still comes; reading on lets the client's own end be seen.
    client.resume();
    linger = setTimeout(() => client.destroy(), LINGER_MS);
  });
  client.on("close", () => upstream.destroy());
  if (client.destroyed) upstream.destroy();
  await Promise.all([closed(client), closed(upstream)]);
  clearTimeout(life);
  clearTimeout(linger);
  context.signal.removeEventListener("abort", onAbort);
  return ending;
};

/** Handles CONNECT: a tunnel to a host on the allow-list, for TLS only with the server name that was asked for. Owns the client's connection. */
export const openTunnel = async (
  request: IncomingMessage,
  client: Duplex,
  head: Buffer,
  context: ProxyContext,
): Promise<Outcome> => {
  client.on("error", () => {}); // Seen as "close", by whoever holds the connection then.
  const refuse = (target: Target, rule: string, by?: Outcome["refusedBy"]): Outcome => {
    answerErrorOnSocket(client, 403, refusalMessage(rule));
    return refused({ kind: "connect", method: "CONNECT", ...target, path: "" }, rule, 403, by);
  };
  const parsed = parseAuthority(request.url ?? "", null);
  if (!parsed.ok) return refuse({ host: request.url ?? "", port: 0 }, parsed.reason);
  const { target } = parsed;
  const decision = decideProxied(context, target);
  if (decision.decision === "deny") return refuse(target, decision.rule, decision.by);

  const asked = { kind: "connect" as const, method: "CONNECT", ...target, path: "" };
  const gone = new AbortController();
  const onGone = () => gone.abort();
  client.on("close", onGone);
  await context.begin(asked, decision.rule);
  const dialled = await context.dial(target, AbortSignal.any([context.signal, gone.signal]));
  client.off("close", onGone);
  if (dialled.status === "refused") return refuse(target, dialled.rule);
  if (dialled.status === "failed") {
    answerErrorOnSocket(client, dialled.httpStatus, `${dialled.message}.`);
    return allowed(asked, { rule: `${decision.rule}; ${dialled.message}`, status: dialled.httpStatus, bytesUp: 0, bytesDown: 0 });
  }

  const { socket } = dialled;
  const whenDone = carry(client, socket, context);
  client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
  // Servers of other protocols may greet first; a TLS server stays silent until the client was judged.
  socket.pipe(client, { end: true });
  if (head.length > 0) client.unshift(head);
  const { bytes, refusal } = await readGreeting(client, target, context.limits);
  if (refusal !== null) {
    socket.unpipe(client);
    if (client.writable) client.end(TLS_ALERT);
    socket.destroy();
    await whenDone;
    return refused(asked, refusal, null);
  }
  if (bytes.length > 0) socket.write(bytes);
  client.pipe(socket);
  const ending = await whenDone;
  return allowed(asked, {
    rule: decision.rule + ending,
    status: null,
    bytesUp: socket.bytesWritten,
    bytesDown: socket.bytesRead,
  });
};
