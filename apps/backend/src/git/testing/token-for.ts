import type { FindCredential } from "../credentials.ts";

/** A token for github.com alone, over TLS alone, as the server's own settings have it. */
export const tokenForGitHub =
  (token: string): FindCredential =>
  async (address) =>
    address.transport === "https" && address.host === "github.com" && address.port === 443
      ? { username: "x-access-token", password: token }
      : null;
