/** Headers in the order and spelling in which they came, repeated ones included. */
export type Headers = [name: string, value: string][];

/** Node's flat `rawHeaders` as pairs. */
export const headerPairs = (rawHeaders: readonly string[]): Headers => {
  const pairs: Headers = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2)
    pairs.push([rawHeaders[index] ?? "", rawHeaders[index + 1] ?? ""]);
  return pairs;
};

/** The values of one header, in order; `name` in lower case. */
export const headerValues = (headers: Headers, name: string): string[] =>
  headers.filter(([other]) => other.toLowerCase() === name).map(([, value]) => value);

const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
  "expect",
]);

/** Without what belongs to one connection alone: hop-by-hop headers, those that `Connection` names, and all of `Proxy-*`. */
export const endToEndHeaders = (headers: Headers): Headers => {
  const named = new Set(
    headerValues(headers, "connection")
      .flatMap((value) => value.split(","))
      .map((token) => token.trim().toLowerCase()),
  );
  return headers.filter(([name]) => {
    const lower = name.toLowerCase();
    return !HOP_BY_HOP.has(lower) && !lower.startsWith("proxy-") && !named.has(lower);
  });
};
