import { mkdir, writeFile } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { networkInterfaces } from "node:os";
import { temporaryFolder } from "@ccr/testkit";
import { expect, it } from "vitest";
import { sandboxIdentity, serverIdentity } from "../identity.ts";
import { type DriverUnderTest, EXECUTOR_ENVIRONMENT, never, openSandbox } from "./sandbox.ts";

/** What a sandbox must not have, see or reach. */
export const isolationTests = (opened: () => DriverUnderTest): void => {
  it("has the environment of its spec, four variables of ours and the compile cache's, and nothing else", async () => {
    await using sandbox = await openSandbox(opened(), { env: { WITH_EQUALS: "a=b c\n'd'", EMPTY: "" } });
    const raw = await sandbox.output("cat /proc/$(pgrep -f ^/opt/ccr/node_modules/.bin/node)/environ | base64 -w0");
    const entries = Buffer.from(raw, "base64")
      .toString()
      .split("\0")
      .filter((entry) => entry !== "");
    expect(
      Object.fromEntries(entries.map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)])),
    ).toEqual({
      ...EXECUTOR_ENVIRONMENT,
      WITH_EQUALS: "a=b c\n'd'",
      EMPTY: "",
      HOME: "/home/agent",
      USER: "agent",
      LANG: "C.UTF-8",
      PATH: expect.stringMatching(/^\/opt\/ccr\/bin:/),
      NODE_COMPILE_CACHE: "/opt/ccr/compiled",
    });
  });

  it("starts its executor from a compile cache that nothing in it can write or inherits, whatever its spec says", async () => {
    const env = { NODE_COMPILE_CACHE: "/home/agent/mine", NODE_DEBUG_NATIVE: "COMPILE_CACHE" };
    await using sandbox = await openSandbox(opened(), { env });
    const log = await sandbox.driver.logs(sandbox.handle, never());
    for (const module of ["executor/src/main.ts", "packages/protocol/src/index.ts", "zod/index.js"])
      expect(log, module).toMatch(new RegExp(`V8 code cache for ESM file:///opt/ccr/(\\S*/)?${module} was accepted`));
    expect(log).not.toMatch(/was not initialized|no transpile cache|was rejected/);
    expect(await sandbox.output("find ~ -mindepth 1; env | cut -d= -f1 | grep COMPILE; true")).toBe("");
    const attempts = [
      "touch /opt/ccr/compiled/x",
      "touch $(find /opt/ccr/compiled -mindepth 1 -type d)/x",
      "for file in $(find /opt/ccr/compiled -type f | head -5); do (echo x >> $file) 2>/dev/null && exit; rm -f $file && exit; done; false",
      "mv /opt/ccr/compiled /opt/ccr/other",
      "chmod -R u+w /opt/ccr/compiled",
    ];
    for (const attempt of attempts) expect(await sandbox.check(attempt), attempt).toMatchObject({ passed: false });
    expect(await sandbox.output("find /opt/ccr/compiled -type f | wc -l")).toMatch(/^\d{3,}\n$/);
  });

  it("runs as a plain user with a name, without any capability or a way to gain one", async () => {
    await using sandbox = await openSandbox(opened());
    const { uid, gid } = sandboxIdentity(serverIdentity());
    const status = await sandbox.output("cat /proc/self/status");
    expect(status).toMatch(new RegExp(`^Uid:\\t${uid}\\t${uid}\\t${uid}\\t${uid}$`, "m"));
    expect(status).toMatch(new RegExp(`^Gid:\\t${gid}\\t${gid}\\t${gid}\\t${gid}$`, "m"));
    for (const set of ["Inh", "Prm", "Eff", "Bnd", "Amb"]) expect(status).toMatch(new RegExp(`^Cap${set}:\\t0{16}$`, "m"));
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^Seccomp:\t2$/m);
    expect(await sandbox.output("whoami; cd ~; pwd; id -un")).toBe("agent\n/home/agent\nagent\n");
    for (const attempt of [
      "unshare -Ur true",
      "unshare -n true",
      "mount -t tmpfs none /tmp",
      "mknod /tmp/disk b 8 0",
      "su -c id",
      "chroot /",
    ]) {
      expect(await sandbox.check(attempt), attempt).toMatchObject({ passed: false });
    }
  });

  it("has no network but its own loopback: every address, name and abstract socket of the host is out of reach", async () => {
    const abstract = `\0ccr-conformance-${process.pid}-${Date.now()}`;
    await using onEveryAddress = await listening({ host: "0.0.0.0", port: 0 });
    await using onIpv6 = await listening({ host: "::1", port: 0 });
    await using _onAbstract = await listening({ path: abstract });
    const own = Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address));
    const targets = [
      ...own.filter((address) => !address.includes(":")).map((host) => ({ host, port: onEveryAddress.port })),
      { host: "::1", port: onIpv6.port },
      { host: "::ffff:127.0.0.1", port: onEveryAddress.port },
      { path: abstract },
    ];
    for (const target of targets)
      expect(await canConnect(target), `the host itself reaches ${JSON.stringify(target)}`).toBe(true);

    await using sandbox = await openSandbox(opened());
    expect(await sandbox.output("ls /sys/class/net 2>/dev/null || tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '")).toBe(
      "lo\n",
    );
    const far = ["1.1.1.1", "8.8.8.8", "169.254.169.254", "10.0.0.1", "172.17.0.1", "192.168.0.1", "2606:4700:4700::1111"];
    const everything = [...targets, ...far.flatMap((host) => [22, 53, 80, 443].map((port) => ({ host, port })))];
    const reached = JSON.parse(await sandbox.node(CONNECT_ALL.replace("TARGETS", JSON.stringify(everything))));
    expect(reached).toEqual({ connected: [], resolved: [], sent: [] });
  });

  it("cannot write anywhere but in its mounts and in memory", async () => {
    await using sandbox = await openSandbox(opened());
    const writable = await sandbox.output(
      "for folder in / /etc /usr /usr/bin /usr/local /opt /opt/ccr /opt/ccr/node_modules /opt/ccr/executor/src /dev /sys /proc/sys/kernel /var /home /root /bin /lib; do (echo x > $folder/ccr-probe) 2>/dev/null && echo $folder; done; true",
    );
    expect(writable).toBe("");
    expect(await sandbox.output("echo x > /tmp/a && echo x > /dev/shm/a && echo x > /var/tmp/a && cat /tmp/a /dev/shm/a")).toBe(
      "x\nx\n",
    );
    expect(await sandbox.output("df --output=size -B1M /dev/shm | tail -1 | tr -d ' '")).toBe("64\n");
    expect(await sandbox.check("echo 1 > /proc/sys/kernel/core_pattern")).toMatchObject({ passed: false });
    expect(await sandbox.output("find /dev -type b | wc -l")).toBe("0\n");
  });

  it("sees no file, process or engine of the host", async () => {
    await using folder = await temporaryFolder();
    await mkdir(folder.join("data"));
    await writeFile(folder.join("data", "token"), "a-secret-of-the-host", { mode: 0o644 });
    await using sandbox = await openSandbox(opened());
    expect(await sandbox.check(`cat ${folder.join("data", "token")}`)).toMatchObject({ passed: false });
    expect(await sandbox.output(`ls -d /var/run/docker.sock /run/docker.sock /run/containerd 2>/dev/null; true`)).toBe("");
    expect(await sandbox.check("cat /etc/shadow")).toMatchObject({ passed: false });
    expect(
      await sandbox.output("ls -A /root 2>/dev/null; ls -A /home; ls -A /mnt /media /srv 2>/dev/null | grep -vE '^$|:'; true"),
    ).toBe("agent\n");
    expect(await sandbox.check(`cat /proc/[0-9]*/root${folder.join("data", "token")}`)).toMatchObject({ passed: false });
    const processes = await sandbox.output("ps -eo args --no-headers");
    expect(processes).toContain("executor/src/main.ts");
    expect(processes).not.toContain("vitest");
    // Nothing that tells where on the host its things are, beside what the kernel lists as mounts.
    expect(processes).not.toContain(sandbox.place.path("workspace"));
  });

  it("inherits no open file of the server", async () => {
    await using sandbox = await openSandbox(opened());
    const own = "pipe|socket|anon_inode|/dev/null|/proc/|/spool/|/doors/|/workspace|/memfd|(stdout|log)$";
    const files = await sandbox.output(
      `ls -l /proc/$(pgrep -f ^/opt/ccr/node_modules/.bin/node)/fd | sed -n 's/.* -> //p' | grep -vE '${own}'; true`,
    );
    expect(files).toBe("");
    const streams = await sandbox.output(`ls /proc/$(pgrep -f ^/opt/ccr/node_modules/.bin/node)/fd | wc -l`);
    expect(Number(streams)).toBeGreaterThan(3);
  });

  it("has the tools of an agent, with Claude Code and a Node of ours", async () => {
    await using sandbox = await openSandbox(opened());
    expect(await sandbox.output("claude --version")).toContain((await sandbox.health()).claudeCodeVersion);
    expect(await sandbox.output("/opt/ccr/node_modules/.bin/node --version")).toBe(`v24.21.0\n`);
    await sandbox.output("for tool in bash git node python3 ps; do command -v $tool >/dev/null || { echo $tool; exit 1; }; done");
    await sandbox.output("test -s /etc/ssl/certs/ca-certificates.crt");
  });
};

type Target = { host: string; port: number } | { path: string };

/** Tries everything at once from inside, and prints what worked. */
const CONNECT_ALL = `
  import { connect } from "node:net";
  import { createSocket } from "node:dgram";
  import { lookup, resolve4, Resolver } from "node:dns/promises";
  const within = (promise) => Promise.race([promise, new Promise((_, reject) => setTimeout(reject, 5000, new Error("slow")).unref())]);
  const tried = async (list, act) => (await Promise.all(list.map((item) => within(act(item)).then(() => [item], () => [])))).flat();
  const connected = await tried(TARGETS, (target) => new Promise((done, fail) => {
    const socket = connect(target, () => { socket.destroy(); done(); });
    socket.once("error", fail);
  }));
  const outside = new Resolver({ timeout: 2000, tries: 1 });
  outside.setServers(["1.1.1.1"]);
  const resolved = await tried(["example.org", "localhost.example.org"], (name) =>
    Promise.any([lookup(name), resolve4(name), outside.resolve4(name)]));
  const sent = await tried([["udp4", "1.1.1.1"], ["udp4", "255.255.255.255"], ["udp6", "2606:4700:4700::1111"], ["udp6", "ff02::1"]], ([kind, host]) =>
    new Promise((done, fail) => {
      const socket = createSocket(kind);
      socket.send("x", 53, host, (error) => { socket.close(); error ? fail(error) : done(); });
    }));
  console.log(JSON.stringify({ connected, resolved, sent }));
  process.exit(0);
`;

const listening = async (
  where: { host: string; port: number } | { path: string },
): Promise<{ port: number } & AsyncDisposable> => {
  const server: Server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(where, resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
};

const canConnect = (target: Target): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(target, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
