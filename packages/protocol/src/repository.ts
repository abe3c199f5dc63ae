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

const refuse = (message: string): ParsedRepository => ({ ok: false, message });
// biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the point
const CONTROL = /[\u0000-\u001f\u007f\u202a-\u202e\u2066-\u2069]/;

const checkPath = (path: string): string | null => {
  const segments = path.split("/").filter((segment) => segment !== "");
  if (segments.length === 0) return "the address names a host but no repository";
  for (const segment of segments) {
    if (segment === "." || segment === "..") return "the address has a '..' in its path";
    if (segment.startsWith("-") || !SEGMENT.test(decodeURIComponent(segment)))
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
    const problem = checkPath(name);
    if (problem !== null) return refuse(problem);
    return {
      ok: true,
      address: { transport: "https", url: `https://github.com/${name}.git`, display: name, host: "github.com", port: 443 },
    };
  }
  const scp = /^([^@/:\s]+)@([^:/\s]+):(?!\/\/)(.+)$/.exec(given);
  if (scp !== null && !given.includes("://")) {
    const [, user = "", host = "", path = ""] = scp;
    return ssh({ user, host: host.toLowerCase(), port: 22, path: path.replace(/^\//, ""), display: given });
  }
  if (!given.includes("://")) {
    return refuse("this is neither owner/name, nor an https, http or ssh URL, nor an absolute local path");
  }
  let url: URL;
  try {
    url = new URL(given);
    decodeURIComponent(url.pathname);
  } catch {
    return refuse("this is not a valid URL");
  }
  if (url.search !== "" || url.hash !== "")
    return refuse("the URL has a query or a fragment; give the repository's address alone");
  if (url.protocol === "ssh:") {
    if (url.password !== "") return refuse("the URL holds a password; give the address without it");
    return ssh({
      user: decodeURIComponent(url.username) || "git",
      host: url.hostname.toLowerCase(),
      port: url.port === "" ? 22 : Number(url.port),
      path: url.pathname.replace(/^\//, ""),
      display: given,
    });
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
  const problem = checkPath(url.pathname);
  if (problem !== null) return refuse(problem);
  const transport = url.protocol === "https:" ? "https" : "http";
  const port = url.port === "" ? (transport === "https" ? 443 : 80) : Number(url.port);
  const clean = `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, "")}`;
  return { ok: true, address: { transport, url: clean, display: clean, host, port } };
};

const ssh = (parts: { user: string; host: string; port: number; path: string; display: string }): ParsedRepository => {
  const { user, host, port, path, display } = parts;
  if (!SSH_USER.test(user)) return refuse(`'${user.slice(0, 60)}' is not a user name`);
  if (!HOST.test(host)) return refuse(`'${host.slice(0, 100)}' is not a host name`);
  const problem = checkPath(path);
  if (problem !== null) return refuse(problem);
  return { ok: true, address: { transport: "ssh", url: `ssh://${user}@${host}:${port}/${path}`, display, host, port, user } };
};
