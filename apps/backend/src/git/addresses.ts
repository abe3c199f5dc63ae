import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";
import { MirrorError } from "./failure.ts";

// Loopback and private ranges are missing on purpose: a git server of one's own is an ordinary thing. Refused is what is never a git
// server: "this network", link-local (where clouds keep their metadata), the metadata addresses outside of it, multicast, reserved.
const FORBIDDEN_V4 = [
  ["0.0.0.0", 8],
  ["169.254.0.0", 16],
  ["100.100.100.200", 32],
  ["192.0.0.192", 32],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
] as const;
const FORBIDDEN_V6 = [
  ["::", 128],
  ["fe80::", 10],
  ["fec0::", 10],
  ["ff00::", 8],
  ["fd00:ec2::254", 128],
] as const;

const forbidden = new BlockList();
for (const [network, bits] of FORBIDDEN_V4) {
  forbidden.addSubnet(network, bits, "ipv4"); // a v4 address mapped into v6 is matched by these too
  const [a = 0, b = 0, c = 0, d = 0] = network.split(".").map(Number);
  forbidden.addSubnet(`::${network}`, 96 + bits, "ipv6");
  forbidden.addSubnet(`64:ff9b::${network}`, 96 + bits, "ipv6"); // NAT64
  forbidden.addSubnet(`2002:${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}::`, 16 + bits, "ipv6"); // 6to4
}
for (const [network, bits] of FORBIDDEN_V6) forbidden.addSubnet(network, bits, "ipv6");

const withoutBrackets = (host: string): string => host.replace(/^\[(.*)\]$/, "$1");

/** Whether an IP address is one that no repository is fetched from. What is no IP address counts as forbidden. */
export const isForbidden = (address: string): boolean => {
  if (address === "::1") return false; // lies within the old "v4-compatible" form of 0.0.0.0/8
  const family = isIP(address);
  return family === 0 || forbidden.check(address, family === 6 ? "ipv6" : "ipv4");
};

/** Finds a host's addresses; empty when there are none. */
export type Resolve = (host: string) => Promise<string[]>;

export const resolveHost: Resolve = async (host) => {
  try {
    return (await lookup(host, { all: true, verbatim: true })).map(({ address }) => address);
  } catch {
    return [];
  }
};

/**
 * The addresses of a host that a repository may be fetched from; the caller must dial these and no others. Throws a `MirrorError` when
 * any of them is forbidden, so that a name cannot be made to point at both.
 */
export const checkHost = async (host: string, resolve: Resolve): Promise<string[]> => {
  const literal = withoutBrackets(host);
  const addresses = isIP(literal) === 0 ? await resolve(host) : [literal];
  const bad = addresses.find(isForbidden);
  if (bad === undefined) return addresses;
  throw new MirrorError(
    "repository_unreachable",
    `Repositories are not fetched from ${host === bad ? host : `${host} (${bad})`}: link-local, metadata, multicast and unspecified addresses are refused.`,
  );
};
