import { mkdir, writeFile } from "node:fs/promises";
import { temporaryFolder } from "@ccr/testkit";
import { expect, test } from "vitest";
import { findProgram } from "./commands.mjs";
import { hasTool, installCommand, missingTools, packageManagerOf } from "./tools.mjs";

test.each([
  ['PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n', "apt"],
  ['ID=linuxmint\nID_LIKE="ubuntu debian"\n', "apt"],
  ['ID="rocky"\nID_LIKE="rhel centos fedora"\n', "dnf"],
  ["ID=arch\n", "pacman"],
  ["ID=alpine\nVERSION_ID=3.22\n", "apk"],
  ['ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"\n', "zypper"],
  ["ID=nixos\n", null],
  ["VARIANT_ID=debian\n", null],
])("%j installs with %s", (osRelease, manager) => {
  expect(packageManagerOf(osRelease)).toBe(manager);
});

test("gives one command to run", () => {
  expect(installCommand("apt", ["bubblewrap", "git"])).toBe(
    "sudo apt-get update && sudo apt-get install -y --no-install-recommends bubblewrap git",
  );
  expect(installCommand(null, ["bubblewrap"])).toContain("bubblewrap");
});

test("finds programs in PATH and says which are missing", () => {
  expect(findProgram("sh")).toMatch(/\/sh$/);
  const tools = [
    { program: "sh", packages: ["dash"], for: "scripts" },
    { program: "ccr-no-such-program", packages: ["none"], for: "nothing" },
  ];
  expect(missingTools(tools).map(({ program }) => program)).toEqual(["ccr-no-such-program"]);
});

test("finds a program in the folder of any of its versions", async () => {
  await using folder = await temporaryFolder();
  const tool = { program: "ccr-server", below: folder.join("versions"), packages: ["server"], for: "a server" };
  expect(hasTool(tool)).toBe(false);
  await mkdir(folder.join("versions", "15", "bin"), { recursive: true });
  await mkdir(folder.join("versions", "9", "bin"), { recursive: true });
  expect(missingTools([tool])).toEqual([tool]);
  await writeFile(folder.join("versions", "9", "bin", "ccr-server"), "", { mode: 0o755 });
  expect(hasTool(tool)).toBe(true);
});
