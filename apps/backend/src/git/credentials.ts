import type { RepositoryAddress } from "@ccr/protocol";

/** What git shows to a server that asks for it. */
export type GitCredential = { username: string; password: string };

/** Finds what an http(s) address may be shown; null: nothing. An address that it was redirected to is asked about anew. */
export type FindCredential = (address: RepositoryAddress, signal: AbortSignal) => Promise<GitCredential | null>;

/** Nobody is shown anything. */
export const noCredential: FindCredential = async () => null;
