import { lookup } from "node:dns/promises";
import net from "node:net";
import { isPublicAddress } from "./addresses.ts";
import type { Limits } from "./limits.ts";
import { reasonOf } from "./reason.ts";
import type { Target } from "./target.ts";

/** All addresses of a host name. */
export type Resolve = (host: string) => Promise<string[]>;

export type DialResult =
  | { status: "connected"; socket: net.Socket }
  | { status: "refused"; rule: string }
  | { status: "failed"; httpStatus: 502 | 504; message: string };

/** Connects to a target that was allowed by its name. Aborting the signal gives `failed`. */
export type Dial = (target: Target, signal: AbortSignal) => Promise<DialResult>;

export type DialOptions = {
  limits: Limits;
  /** The system's resolver by default. */
  resolve?: Resolve | undefined;
  /** Which addresses may be dialled; `isPublicAddress` by default. */
  isPublic?: ((address: string) => boolean) | undefined;
};

const resolveWithSystem: Resolve = async (host) => (await lookup(host, { all: true })).map(({ address }) => address);

/** Time for one address when a host has several, before the next one is tried. */
const ATTEMPT_MS = 1_000;

const timedOut = () => Object.assign(new Error("timed out"), { code: "ETIMEDOUT" });
const canceled = () => Object.assign(new Error("canceled"), { code: "ECANCELED" });

const within = async <T>(promise: Promise<T>, timeoutMs: number, signal: AbortSignal): Promise<T> => {
  const over = Promise.withResolvers<never>();
  const timer = setTimeout(() => over.reject(timedOut()), timeoutMs);
  const onAbort = () => over.reject(canceled());
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([promise, over.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
};

const failed = (what: string, error: unknown): DialResult => {
  const reason = reasonOf(error);
  return { status: "failed", httpStatus: reason === "ETIMEDOUT" ? 504 : 502, message: `${what} (${reason})` };
};

const connect = ({ host, port }: Target, addresses: string[], timeoutMs: number, signal: AbortSignal): Promise<net.Socket> =>
  new Promise((resolve, reject) => {
    const socket = net.connect({
      host,
      port,
      allowHalfOpen: true,
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: ATTEMPT_MS,
      // The answer that was checked is the one that is dialled; nothing is resolved a second time.
      lookup: (_host, options, done) => {
        const answers = addresses.map((address) => ({ address, family: net.isIP(address) }));
        if (options.all) done(null, answers);
        else done(null, answers[0]?.address ?? "", answers[0]?.family ?? 0);
      },
    });
    const onAbort = () => socket.destroy(canceled());
    const timer = setTimeout(() => socket.destroy(timedOut()), timeoutMs);
    const settle = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      socket.off("error", onError).off("connect", onConnect);
    };
    const onError = (error: Error) => {
      settle();
      reject(error);
    };
    const onConnect = () => {
      settle();
      resolve(socket);
    };
    // An error without a listener would end the process; whoever holds the connection sees its "close".
    socket.on("error", () => {});
    socket.once("error", onError).once("connect", onConnect);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
  });

/**
 * Makes the one way to dial: the name is resolved here, once; when any of its addresses is not public the target is refused, else
 * one of exactly these addresses is connected to. Lookups of one name that overlap are made once.
 */
export const createDial = ({ limits, resolve = resolveWithSystem, isPublic = isPublicAddress }: DialOptions): Dial => {
  const lookups = new Map<string, Promise<string[]>>();
  const resolveOnce = (host: string): Promise<string[]> => {
    const running = lookups.get(host);
    if (running !== undefined) return running;
    const started = resolve(host).finally(() => lookups.delete(host));
    lookups.set(host, started);
    return started;
  };

  return async (target, signal) => {
    let addresses: string[];
    try {
      addresses = await within(resolveOnce(target.host), limits.resolveMs, signal);
    } catch (error) {
      return failed(`The name ${target.host} could not be resolved`, error);
    }
    if (addresses.length === 0) return { status: "failed", httpStatus: 502, message: `The name ${target.host} has no address` };
    const forbidden = addresses.find((address) => !isPublic(address));
    if (forbidden !== undefined) {
      return { status: "refused", rule: `${target.host} leads to ${forbidden}, which is not a public address` };
    }
    try {
      return { status: "connected", socket: await connect(target, addresses, limits.connectMs, signal) };
    } catch (error) {
      return failed(`${target.host}:${target.port} could not be reached`, error);
    }
  };
};
