import type { Credential, CredentialTest } from "@ccr/protocol";

/** What the API may ask of credentials. No answer ever holds a part of a value. */
export interface Credentials {
  /** The model's first, then those of git hosts; the usual hosts are told too when they have none. */
  list(): Credential[];
  /** Asks the other side whether it takes it, at no cost. Throws `CcrError` with `not_found` for one that there is not. */
  test(id: string, signal: AbortSignal): Promise<CredentialTest>;
}
