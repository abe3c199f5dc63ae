import { expect, test } from "vitest";
import { checkHost, isForbidden } from "./addresses.ts";

test.each([
  "0.0.0.0",
  "0.1.2.3",
  "169.254.169.254",
  "169.254.0.1",
  "100.100.100.200",
  "192.0.0.192",
  "224.0.0.1",
  "255.255.255.255",
  "::",
  "fe80::1",
  "febf::1",
  "ff02::1",
  "fd00:ec2::254",
  "::ffff:169.254.169.254",
  "::ffff:a9fe:a9fe",
  "::ffff:0:0",
  "::169.254.169.254",
  "64:ff9b::a9fe:a9fe",
  "2002:a9fe:a9fe::1",
  "not an address",
  "",
])("%s is never a git server", (address) => {
  expect(isForbidden(address)).toBe(true);
});

test.each([
  "127.0.0.1",
  "10.1.2.3",
  "192.168.1.1",
  "172.16.0.1",
  "100.64.0.1",
  "140.82.121.3",
  "::1",
  "fd00::1",
  "2606:50c0::1",
  "::ffff:10.0.0.1",
])("%s may be one", (address) => {
  expect(isForbidden(address)).toBe(false);
});

test("a host is refused when one of its addresses is, and literals need no resolving", async () => {
  const resolve =
    (...addresses: string[]) =>
    async () =>
      addresses;
  await expect(checkHost("two.example", resolve("10.0.0.1", "169.254.169.254"))).rejects.toThrow("two.example (169.254.169.254)");
  expect(await checkHost("one.example", resolve("10.0.0.1", "::1"))).toEqual(["10.0.0.1", "::1"]);
  expect(await checkHost("[::1]", resolve())).toEqual(["::1"]);
  await expect(checkHost("[fe80::1]", resolve())).rejects.toThrow("are refused");
});
