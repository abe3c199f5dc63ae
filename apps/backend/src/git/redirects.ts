import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { parseRepository, type RepositoryAddress } from "@ccr/protocol";

type WebAddress = Extract<RepositoryAddress, { transport: "http" | "https" }>;

const DISCOVERY = "/info/refs?service=git-upload-pack";
const ANSWER_MS = 20_000;

/** Where a server that answers git with a redirect sends it; null when it sends it nowhere that could be a repository. Dials only `pinned`. */
export const findRedirect = (address: WebAddress, pinned: readonly string[], signal: AbortSignal): Promise<WebAddress | null> =>
  new Promise((resolve, reject) => {
    const send = address.transport === "https" ? httpsRequest : httpRequest;
    const [first] = pinned;
    const request = send(
      `${address.url}${DISCOVERY}`,
      {
        signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
        ...(first === undefined
          ? {}
          : {
              lookup: (_host, options, found) => {
                const family = first.includes(":") ? 6 : 4;
                if (options.all) found(null, [{ address: first, family }]);
                else found(null, first, family);
              },
            }),
      },
      (response) => {
        request.destroy();
        resolve(readLocation(address, response.headers.location));
      },
    );
    request.once("error", (error) => {
      if (signal.aborted) reject(error);
      else resolve(null);
    });
    request.end();
  });

/** Understands a `Location`: it must lead to a repository's own address, and never from https to http. Pure. */
export const readLocation = (from: WebAddress, location: string | undefined): WebAddress | null => {
  if (location === undefined || !URL.canParse(location, from.url)) return null;
  const target = new URL(location, from.url).href;
  if (!target.endsWith(DISCOVERY)) return null;
  const parsed = parseRepository(target.slice(0, -DISCOVERY.length));
  if (!parsed.ok || (parsed.address.transport !== "http" && parsed.address.transport !== "https")) return null;
  if (from.transport === "https" && parsed.address.transport === "http") return null;
  return parsed.address;
};
