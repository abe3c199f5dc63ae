import ipaddr from "ipaddr.js";

const GLOBAL_UNICAST_V6 = ipaddr.IPv6.parseCIDR("2000::/3");

/**
 * Whether an address is an ordinary one on the public internet: not private, loopback, link-local, multicast, reserved, shared
 * (100.64/10) or for benchmarks, and not an IPv6 form that carries an IPv4 address (mapped, compatible, 6to4, Teredo, NAT64).
 */
export const isPublicAddress = (address: string): boolean => {
  // A zone index (`fe80::1%eth0`) never belongs to a public address.
  if (!ipaddr.isValid(address) || address.includes("%")) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== "unicast") return false;
  if (parsed instanceof ipaddr.IPv4) return ipaddr.IPv4.isValidFourPartDecimal(address);
  // Only 2000::/3 is handed out; what lies outside (`::a.b.c.d`, 64:ff9b::/96, site-local) is special or unknown.
  return parsed.match(GLOBAL_UNICAST_V6);
};
