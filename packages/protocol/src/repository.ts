/**
 * A repository as the person named it, understood. `url` is what git is given, without a credential; `display` is what people see.
 * `transport` tells which credentials and checks apply.
 */
export type RepositoryAddress =
  | { transport: "http" | "https"; url: string; display: string; host: string; port: number }
  | { transport: "ssh"; url: string; display: string; host: string; port: number; user: string }
  | { transport: "local"; path: string; display: string };

export type ParsedRepository = { ok: true; address: RepositoryAddress } | { ok: false; message: string };

const HOST = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const SSH_USER = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;
const SEGMENT = /^[\w.~+-][\w.~+ -]*$/;

/** The same text for each way in which one repository is usually named. Pure. */
export const repositoryKey = (address: RepositoryAddress): string =>
  (address.transport === "local" ? address.path : address.url).replace(/\/+$/, "").replace(/\.git$/, "");

const refuse = (message: string): ParsedRepository => ({ ok: false, message });
// biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the point
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;

const decode = (text: string): string | null => {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
};

/** What is wrong with a path, if anything; git decodes the percent signs of a URL, so what they stand for is what is judged. */
const checkPath = (path: string, form: "url" | "plain"): string | null => {
  const segments = path.split("/").filter((segment) => segment !== "");
  if (segments.length === 0) return "the address names a host but no repository";
  for (const segment of segments) {
    const plain = form === "url" ? decode(segment) : segment;
    if (plain === "." || plain === "..") return "the address has a '..' in its path";
    if (plain === null || plain.startsWith("-") || !SEGMENT.test(plain))
      return `the part '${segment.slice(0, 60)}' of the address is not a plain name`;
  }
  return null;
};

/**
 * Reads `owner/name` (GitHub), an http(s) or ssh URL, the scp-like `user@host:path`, or an absolute local path.
 * Pure: it looks at the text alone. Whether a host may be reached or a path may be used is decided where it is done.
 */
export const parseRepository = (text: string): ParsedRepository => {
  const given = text.trim();
  if (given === "") return refuse("the repository is empty: give owner/name, a URL or a local path");
  if (CONTROL.test(given)) return refuse("the repository holds a control character");
  if (given.startsWith("-")) return refuse("the repository starts with '-': give owner/name, a URL or a local path");
  if (given.startsWith("/")) {
    if (given.split("/").includes("..")) return refuse("the local path has a '..': give the real path");
    return { ok: true, address: { transport: "local", path: given, display: given } };
  }
  if (/^[\w.-]+\/[\w.-]+$/.test(given)) {
    const name = given.replace(/\.git$/, "");
    if (name.endsWith("/")) return refuse("the repository has an owner but no name");
    const problem = checkPath(name, "plain");
    if (problem !== null) return refuse(problem);
    return {
      ok: true,
      address: { transport: "https", url: `https://github.com/${name}.git`, display: name, host: "github.com", port: 443 },
    };
  }
  const scp = /^([^@/:\s]+)@([^:/\s]+):(?!\/\/)(.+)$/.exec(given);
  if (scp !== null && !given.includes("://")) {
    const [, user = "", name = "", path = ""] = scp;
    const host = name.toLowerCase();
    // Kept in this form: here the path counts from the user's home, in an ssh:// URL from the root.
    return ssh({ user, host, port: 22, url: `${user}@${host}:${path}`, display: given }, checkPath(path, "plain"));
  }
  if (!given.includes("://")) {
    return refuse("this is neither owner/name, nor an https, http or ssh URL, nor an absolute local path");
  }
  let url: URL;
  try {
    url = new URL(given);
  } catch {
    return refuse("this is not a valid URL");
  }
  if (url.search !== "" || url.hash !== "")
    return refuse("the URL has a query or a fragment; give the repository's address alone");
  if (url.protocol === "ssh:") {
    if (url.password !== "") return refuse("the URL holds a password; give the address without it");
    const user = (url.username === "" ? "git" : decode(url.username)) ?? "";
    const host = url.hostname.toLowerCase();
    const port = url.port === "" ? 22 : Number(url.port);
    const clean = `ssh://${user}@${host}:${port}${url.pathname}`;
    return ssh({ user, host, port, url: clean, display: given }, checkPath(url.pathname, "url"));
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    return refuse(`'${url.protocol.slice(0, 20)}//' addresses are not taken; give an https, http or ssh URL`);
  }
  if (url.username !== "" || url.password !== "") {
    return refuse(
      "the URL holds a credential; give the address without it, and the token to the server (for GitHub: GITHUB_TOKEN)",
    );
  }
  const host = url.hostname.toLowerCase();
  if (!HOST.test(host) && !/^\[[0-9a-f:.]+\]$/.test(host)) return refuse(`'${host.slice(0, 100)}' is not a host name`);
  const problem = checkPath(url.pathname, "url");
  if (problem !== null) return refuse(problem);
  const transport = url.protocol === "https:" ? "https" : "http";
  const port = url.port === "" ? (transport === "https" ? 443 : 80) : Number(url.port);
  const clean = `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, "")}`;
  return { ok: true, address: { transport, url: clean, display: clean, host, port } };
};

// People paste tokens in place of a user name; an address is stored and shown, so one with a token must not get in.
const TOKEN = /^(gh[a-z]_|github_pat_|glpat-)/i;

const ssh = (
  parts: { user: string; host: string; port: number; url: string; display: string },
  pathProblem: string | null,
): ParsedRepository => {
  const { user, host } = parts;
  if (TOKEN.test(user)) return refuse("the address holds a token in place of a user name; give the address without it");
  if (!SSH_USER.test(user)) return refuse("the address has something before its '@' that is not a user name");
  if (!HOST.test(host)) return refuse(`'${host.slice(0, 100)}' is not a host name`);
  if (pathProblem !== null) return refuse(pathProblem);
  return { ok: true, address: { transport: "ssh", ...parts } };
};
