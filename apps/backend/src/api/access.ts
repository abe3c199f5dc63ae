import { createHmac, timingSafeEqual } from "node:crypto";

/** The cookie that the login link sets. It holds a value derived from the token, not the token. */
export const SESSION_COOKIE = "ccr_session";

const isSame = (left: string, right: string): boolean => {
  const [a, b] = [left, right].map((text) => createHmac("sha256", "compare").update(text).digest());
  return a !== undefined && b !== undefined && timingSafeEqual(a, b);
};

export type Access = {
  /** Whether this is the server's token. Takes the same time for every wrong one. */
  isToken(given: string): boolean;
  /** What the session cookie holds; worthless once the token is changed. */
  sessionValue: string;
  isSession(given: string): boolean;
  /** Whether a request may be served that was sent to this `Host`. A name that we do not answer to may be a rebound one. */
  isOwnHost(host: string | undefined): boolean;
  /** Whether a page of this origin may call us. */
  isOwnOrigin(origin: string, host: string | undefined): boolean;
};

const LOOPBACK_NAMES = ["localhost", "127.0.0.1", "[::1]"];

/** Host names are compared without the port: a tunnel may give it another one, and rebinding cannot change the name. */
const nameOf = (host: string): string => host.replace(/:\d{1,5}$/, "").toLowerCase();
const isAddress = (name: string): boolean => /^\d{1,3}(\.\d{1,3}){3}$/.test(name) || /^\[[0-9a-f:.]+\]$/.test(name);

/** Decides who may call: pure, from the configuration. */
export const createAccess = (options: {
  token: string;
  host: string;
  publicUrl: string | null;
  loopbackOnly: boolean;
}): Access => {
  const { token, host, publicUrl, loopbackOnly } = options;
  const sessionValue = createHmac("sha256", token).update("claude-code-runner session 1").digest("base64url");
  const publicOrigin = publicUrl === null ? null : new URL(publicUrl).origin;
  const names = new Set([...LOOPBACK_NAMES, nameOf(host), ...(publicUrl === null ? [] : [new URL(publicUrl).hostname])]);
  return {
    isToken: (given) => isSame(given, token),
    sessionValue,
    isSession: (given) => isSame(given, sessionValue),
    // An address cannot be rebound; so on a server that other machines reach, every address of it is fine.
    isOwnHost: (given) => given !== undefined && (names.has(nameOf(given)) || (!loopbackOnly && isAddress(nameOf(given)))),
    isOwnOrigin: (origin, given) =>
      origin === publicOrigin || (given !== undefined && origin === `http://${given.toLowerCase()}`),
  };
};
