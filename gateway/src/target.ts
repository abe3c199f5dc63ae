/** A host name (lower case, letters, digits and hyphens) and a port. */
export type Target = { host: string; port: number };

export type AuthorityResult = { ok: true; target: Target } | { ok: false; reason: string };
export type AbsoluteFormResult = { ok: true; target: Target; path: string; pathAndQuery: string } | { ok: false; reason: string };

const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
/** What the resolvers of C libraries and browsers take for a number: decimal, octal (a leading zero) and hexadecimal. */
const NUMBER = /^(\d+|0x[0-9a-f]*)$/;
const PORT = /^[1-9]\d{0,4}$/;

const refuse = (reason: string): { ok: false; reason: string } => ({ ok: false, reason });

/**
 * Reads `host:port` strictly: one spelling per target, so that what is decided and what is dialled cannot differ.
 * Without a port the default is taken, or the target refused when there is none. Letters are lowered, nothing else is repaired.
 */
export const parseAuthority = (text: string, defaultPort: number | null): AuthorityResult => {
  if (/[^\x21-\x7e]/.test(text)) return refuse("the host has characters that no host name has");
  if (text.includes("@")) return refuse("user information before the host is not taken");
  if (text.includes("[") || text.split(":").length > 2) return refuse("addresses are not taken, only host names");
  const [name = "", portText] = text.split(":");
  const host = name.toLowerCase();
  if (host === "") return refuse("the host is missing");
  if (host.endsWith(".")) return refuse("a dot after the host name is not taken");
  const labels = host.split(".");
  if (NUMBER.test(labels.at(-1) ?? "")) return refuse("addresses are not taken, only host names");
  if (host.length > 253 || !labels.every((label) => LABEL.test(label))) return refuse("this is not a host name");
  if (portText === undefined && defaultPort === null) return refuse("the port is missing");
  if (portText !== undefined && (!PORT.test(portText) || Number(portText) > 65535)) return refuse("this is not a port");
  return { ok: true, target: { host, port: portText === undefined ? (defaultPort ?? 0) : Number(portText) } };
};

/** Reads an absolute-form request target (`http://host[:port]/path?query`), as strictly as `parseAuthority`; only plain http. */
export const parseAbsoluteForm = (text: string): AbsoluteFormResult => {
  const match = /^http:\/\/([^/?#]*)(\/[^?#]*)?(\?[^#]*)?$/i.exec(text);
  if (match === null) return refuse("only http:// addresses are proxied this way (for https, use CONNECT)");
  const [, authority = "", path = "/", query = ""] = match;
  if (/[^\x21-\x7e]/.test(path + query)) return refuse("the path has characters that no address has");
  const result = parseAuthority(authority, 80);
  return result.ok ? { ok: true, target: result.target, path, pathAndQuery: path + query } : result;
};

/** A hostile string as printable ASCII of bounded length, fit for a record and a terminal. */
export const printable = (text: string, maxLength: number): string =>
  text
    .slice(0, maxLength)
    .replace(/[^\x20-\x7e]/g, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
    .slice(0, maxLength);
