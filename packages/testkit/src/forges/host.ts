import type { KeyObject } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { Contract } from "./contract.ts";
import type { ForgeState } from "./state.ts";

/** What an operation answers. A text instead of a body is sent as it is. */
export type Answer =
  | { status: number; body?: unknown; headers?: Readonly<Record<string, string>> }
  | { status: number; text: string }
  | { status: number; redirectTo: string };

export interface Call {
  params: Readonly<Record<string, string>>;
  query: URLSearchParams;
  body: Readonly<Record<string, unknown>>;
  /** The headers of the request, for what is shown there. */
  headers: IncomingHttpHeaders;
  /** What the API's addresses begin with, and what those of pages do. */
  apiUrl: string;
  url: string;
  /** Where files lie: another origin, to which no token may go. */
  filesUrl: string;
}

export type Handler = (call: Call) => Answer | Promise<Answer>;

/** The tokens that a host knows. */
export interface HostTokens {
  /** May do everything. */
  token: string;
  /** May read, and is refused when it writes. */
  readOnly: string;
}

/** What makes a fake host one of its kind. */
export interface FakeHost {
  contract: Contract;
  /** Where the API begins: `/api/v3`. */
  apiPath: string;
  routes: Readonly<Record<string, Handler>>;
  /** The token that a request shows, out of its headers; null: none. */
  tokenIn(headers: IncomingHttpHeaders): string | null;
  /** What a refusal looks like there. */
  error(status: number, message: string): unknown;
  /** Whether a token is one that the host made itself. */
  knows(token: string): boolean;
  /** The log of a job, as the host's store of files gives it at `/logs/<id>`; null: none. */
  logOf(id: number): string | null;
}

export interface HostParts {
  state: ForgeState;
  tokens: HostTokens;
  /** The public key of a GitHub App; null as long as nobody asked for the App. */
  appKey(): KeyObject | null;
}

/** `limit` items of a list, as pages are counted there, and whether more come. */
export const pageOf = <T>(items: readonly T[], page: number, size: number): { items: T[]; hasMore: boolean } => ({
  items: items.slice((page - 1) * size, page * size),
  hasMore: items.length > page * size,
});

export const numberIn = (query: URLSearchParams, name: string, otherwise: number): number => Number(query.get(name) ?? otherwise);
