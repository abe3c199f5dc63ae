import type { SearchRepositoriesInput } from "@ccr/protocol";

export type HostSearch = Pick<SearchRepositoriesInput, "host" | "owner" | "query">;

const PART = /^[\w.~-]+$/;

/** What to ask which host for, from what stands in a repository's field: `acme`, `acme/ap`, `gitlab.com/group/ap`. Null: nothing. Pure. */
export const hostSearchOf = (text: string): HostSearch | null => {
  const parts = text
    .trim()
    .replace(/^https:\/\//, "")
    .split("/");
  if (text.trim().startsWith("/") || text.includes("@")) return null;
  const [first = "", ...rest] = parts;
  const isHost = first.includes(".") && rest.length > 0;
  const host = isHost ? first.toLowerCase() : "github.com";
  const named = isHost ? rest : parts;
  const query = named.length > 1 ? (named.at(-1) ?? "") : "";
  const owner = (named.length > 1 ? named.slice(0, -1) : named).join("/");
  if (owner === "" || ![...owner.split("/"), ...(query === "" ? [] : [query])].every((part) => PART.test(part))) return null;
  if (!isHost && named.length > 2) return null;
  return { host, owner, ...(query === "" ? {} : { query }) };
};
