import { execFile } from "node:child_process";
import { relative } from "node:path";
import { promisify } from "node:util";
import { pinnedNode, projectRoot } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { z } from "zod";

const Report = z.object({
  probe: z.object({ usable: z.boolean(), details: z.string().optional(), why: z.string().optional() }),
  status: z.string().default(""),
  forks: z.string().default(""),
  who: z.string().default(""),
  network: z.string().default(""),
  writable: z.string().default(""),
  compiled: z.string().default(""),
  ended: z.unknown(),
  after: z.unknown(),
  left: z.unknown(),
});

// The checkout may be where only root gets, so the other user finds it below /mnt, in a mount namespace that ends with the program.
const AS_ANOTHER_USER = `set -e
mount -t tmpfs -o mode=0755 none /mnt
mkdir -m 0755 /mnt/project
mkdir -m 0700 /mnt/tmp
chown 1000:1000 /mnt/tmp
mount --bind "$1" /mnt/project
exec setpriv --reuid=1000 --regid=1000 --clear-groups env -i PATH="$PATH" HOME=/mnt/tmp TMPDIR=/mnt/tmp "/mnt/project/$2" "/mnt/project/$3"
`;

describe.skipIf(process.getuid?.() !== 0)("a server of a plain user", () => {
  it("makes sandboxes in user namespaces, and says which limits do not hold", async () => {
    const program = relative(projectRoot, new URL("../conformance/unprivileged.ts", import.meta.url).pathname);
    const args = ["--mount", "sh", "-c", AS_ANOTHER_USER, "sh", projectRoot, relative(projectRoot, pinnedNode), program];
    const { stdout } = await promisify(execFile)("unshare", args);
    const report = Report.parse(JSON.parse(stdout));
    if (!report.probe.usable) {
      // Where plain users may make no namespaces, saying how to allow it is all that can be done.
      expect(report.probe.why).toMatch(/sysctl/);
      return;
    }
    expect(report.probe.details).toMatch(/memory and cpu are NOT enforced/);
    expect(report.status).toMatch(/^Uid:\t1000\t1000\t1000\t1000$/m);
    for (const set of ["Inh", "Prm", "Eff", "Bnd", "Amb"]) expect(report.status).toMatch(new RegExp(`^Cap${set}:\\t0{16}$`, "m"));
    expect(report.status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(report.who).toBe("agent\n/workspace\n");
    expect(report.network).toBe("lo\n");
    expect(report.writable).toBe("");
    expect(Number(report.compiled)).toBeGreaterThan(1_000_000);
    expect(Number(report.forks)).toBeGreaterThan(20);
    expect(Number(report.forks)).toBeLessThan(100);
    expect(report.ended).toMatchObject({ status: "exited", exitCode: 137 });
    expect(report.after).toEqual({ status: "gone" });
    expect(report.left).toEqual({ sandboxes: [], processes: [] });
  });
});
