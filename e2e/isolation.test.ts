import { execFile } from "node:child_process";
import { createServer } from "node:http";
import { networkInterfaces } from "node:os";
import { promisify } from "node:util";
import { parseScenario } from "@ccr/scripted-model";
import { createGitRepository } from "@ccr/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { driversUnderTest } from "./src/drivers.ts";
import { allMessages, REAL_KEY } from "./src/server.ts";
import { type Stack, startStack } from "./src/stack.ts";

const run = promisify(execFile);

/** Addresses of this machine that a sandbox must not reach, beside loopback. */
const ownAddresses = (): string[] =>
  Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .filter(({ internal, family }) => !internal && family === "IPv4")
    .map(({ address }) => address);

describe.each(await driversUnderTest())("a sandbox of %s", (driver) => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ driver });
  });
  afterAll(() => stack?.[Symbol.asyncDispose]());

  /** Lets the real agent run one script and gives what it printed, and the transcript. */
  const inSandbox = async (
    script: string,
    files: Record<string, string> = {},
  ): Promise<{ output: string; transcript: string; id: string }> => {
    const { server, model, repositories } = stack;
    // The agent's own shell differs between sandboxes.
    const command = `bash <<'ATTACK'\n${script}\nATTACK`;
    model.setScenario(
      parseScenario({
        name: "attack",
        rules: [
          {
            turns: [
              { blocks: [{ type: "tool_use", name: "Bash", input: { command, description: "Try", timeout: 60_000 } }] },
              { blocks: [{ type: "text", text: "SAW<<{{lastToolResult}}>>" }] },
            ],
          },
        ],
      }),
    );
    await using repository = await createGitRepository({ path: `${repositories}/attack`, files: { a: "a\n", ...files } });
    const task = await server.client.tasks.create.mutate({ name: "Attack", steps: [{ instructions: "Try it.", checks: "" }] });
    const { id } = await server.client.runs.create.mutate({ taskId: task.id, repository: repository.path });
    await server.untilFinal(id);
    const transcript = (await allMessages(server.client, id)).map(({ body }) => JSON.stringify(body)).join("\n");
    const output = /SAW<<([\s\S]*?)>>/.exec(transcript)?.[1] ?? "";
    return { output: JSON.parse(`"${output}"`), transcript, id };
  };

  it("reaches no address past the gateway", async () => {
    let reached = 0;
    const listener = createServer((_, response) => {
      reached++;
      response.end("REACHED");
    });
    await new Promise<void>((resolve) => listener.listen(0, "0.0.0.0", resolve));
    const bound = listener.address();
    const port = typeof bound === "object" && bound !== null ? bound.port : 0;
    const server = Number(new URL(stack.server.url).port);
    const targets = [
      ...["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]", ...ownAddresses()].flatMap((host) => [
        `${host}:${port}`,
        `${host}:${server}`,
      ]),
      "203.0.113.1:443",
      "203.0.113.1:80",
      "203.0.113.1:22",
      "[2001:db8::1]:443",
      "169.254.169.254:80",
    ];
    try {
      const direct = targets.map((target) => `curl -sS --noproxy '*' --max-time 3 http://${target}/ && echo "REACHED ${target}"`);
      const proxied = targets.map(
        (target) =>
          `curl -sS --noproxy '' --proxy http://127.0.0.1:3128 --max-time 3 http://${target}/ -o /dev/null -w '${target} %{http_code}\\n'`,
      );
      const tunnels = targets.map(
        (target) =>
          `curl -sS --noproxy '' --proxytunnel --proxy http://127.0.0.1:3128 --max-time 3 https://${target}/ -o /dev/null && echo "REACHED ${target}"`,
      );
      const udp =
        "timeout 3 python3 -c \"import socket; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.sendto(b'x',('203.0.113.1',53)); print('SENT')\"";
      const names = "timeout 5 python3 -c \"import socket; print('RESOLVED', socket.getaddrinfo('example.org', 443))\"";
      const links = "ls /sys/class/net | tr '\\n' ' '";
      const { output } = await inSandbox(
        [...direct, ...proxied, ...tunnels, udp, names, links].map((command) => `(${command}) 2>&1`).join("; "),
      );
      expect(output).not.toContain("REACHED");
      expect(output).not.toContain("SENT");
      expect(output).not.toContain("RESOLVED");
      for (const target of targets) expect(output).toMatch(new RegExp(`${target.replace(/[[\].]/g, "\\$&")} (403|400)`));
      expect(reached).toBe(0);
    } finally {
      listener.close();
    }
  });

  it("holds the real key in no environment, process, file or message, while the model gets it", async () => {
    // Each place of the hunt has a decoy that looks like the key, which shows that the hunt would find the key there.
    const decoys = ["process", "arguments", "environment", "settings", "file"];
    const decoy = (place: string) => `the-decoy-key-in-${place}`;
    // Claude Code puts a grep of its own before the system's. The pattern does not match itself.
    const pattern = "the-(real|decoy)[-]key[a-z-]*";
    const hunt = [
      "cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'",
      "cat /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n'",
      "env",
      "git config --list --show-origin",
      `/usr/bin/grep -rs -a -h -E -D skip --exclude-dir=node_modules --exclude-dir=proc --exclude-dir=sys --exclude-dir=usr '${pattern}' /`,
    ].join("; ");
    // Written in two parts, so that the script itself, which is an argument of its shell, is no decoy.
    const { output, transcript } = await inSandbox(
      [
        'half="the-decoy"; made() { printf %s "$half-key-in-$1"; }',
        'DECOY="$(made process)" sleep 60 & first=$!',
        'bash -c "sleep 60; :" "$(made arguments)" & second=$!',
        'export DECOY="$(made environment)"',
        'git config decoy.key "$(made settings)"',
        `until tr '\\0' '\\n' < /proc/$first/environ | /usr/bin/grep -q "$(made process)"; do sleep 0.01; done`,
        `found="$( (${hunt}) | /usr/bin/grep -a -o -E '${pattern}' | sort -u)"`,
        'kill $first $second; printf "%s\\n" "$found" | sed "s/^/FOUND /"',
        'ls -a ~ /doors; echo "uid $(id -u)"; /usr/bin/grep Cap /proc/self/status',
      ].join("\n"),
      { ".env": `ANTHROPIC_API_KEY=sk-ant-api03-${decoy("file")}\n` },
    );
    // What the agent was told to look for is in the transcript as its command; the key itself is nowhere.
    expect(transcript).not.toContain(REAL_KEY);
    const found = [...output.matchAll(/^FOUND (.*)$/gm)].map(([, line]) => line);
    expect(found).toEqual(decoys.map(decoy).toSorted());
    expect(output).toContain("executor.sock");
    expect(output).toMatch(/uid [1-9]/);
    expect(output).toMatch(/CapEff:\s*0+\b/);
    expect(output).toMatch(/CapBnd:\s*0+\b/);
    const seen = stack.model.requests.flatMap(({ headers }) => [headers["x-api-key"], headers.authorization]);
    expect(seen).toContain(REAL_KEY);
    expect(seen.every((value) => value === undefined || value === REAL_KEY)).toBe(true);
  });

  it("cannot use the model route for anything but messages, nor with a key of its own", async () => {
    const curl = (path: string, extra = "") =>
      `curl -sS -o /dev/null -w '${path} %{http_code}\\n' ${extra} http://127.0.0.1:3128${path}`;
    const { output } = await inSandbox(
      [
        curl("/v1/files"),
        curl("/v1/messages/batches", "-X POST -d '{}'"),
        curl("/v1/organizations"),
        curl("/v1/models"),
        curl("/v1/messages/../files"),
        curl(
          "/v1/messages/count_tokens",
          '-X POST -H \'x-api-key: stolen\' -H \'content-type: application/json\' -d \'{"model":"m","messages":[{"role":"user","content":"x"}]}\'',
        ),
      ].join("; "),
    );
    expect(output).toMatch(/\/v1\/files 403/);
    expect(output).toMatch(/\/v1\/messages\/batches 403/);
    expect(output).toMatch(/\/v1\/organizations 403/);
    expect(output).toMatch(/\/v1\/models 403/);
    expect(output).toMatch(/count_tokens 200/);
    expect(stack.model.requests.some(({ headers }) => headers["x-api-key"] === "stolen")).toBe(false);
  });

  it("sees neither the host's files, processes nor engine", async () => {
    const { output } = await inSandbox(
      `ls ${stack.folder.path} 2>&1; ls /root 2>&1 | head -3; cat /etc/shadow 2>&1 | head -1; ls -la /var/run/docker.sock 2>&1; touch /usr/x 2>&1; ps -e -o args= | /usr/bin/grep -c backend/src/main.ts; mount -t tmpfs none /mnt 2>&1; unshare -rn true 2>&1; echo end`,
    );
    expect(output).toContain("end");
    expect(output).not.toContain("model.ndjson");
    expect(output).not.toMatch(/root:[*!$]/);
    expect(output).toMatch(/docker\.sock.*(No such file|cannot access)/);
    expect(output).toMatch(/touch: .*(Read-only|Permission denied)/);
    expect(output).toMatch(/mount: /);
  });

  it("leaves no process behind that outlived its run", async () => {
    const mark = `outlives-${driver}-${process.pid}`;
    const { output } = await inSandbox(
      [
        `(setsid bash -c "trap '' TERM HUP INT; exec -a ${mark} sleep 300" >/dev/null 2>&1 &)`,
        // `exec -a` shows in the list once the name is the process's own.
        `for try in $(seq 500); do pid="$(pgrep -xf '${mark} 300')" && break; sleep 0.01; done`,
        'echo "RUNS $(tr "\\0" " " < /proc/$pid/cmdline)"',
        'kill -TERM $pid; sleep 0.1; kill -0 $pid && echo "IGNORES TERM"',
      ].join("\n"),
    );
    expect(output).toContain(`RUNS ${mark} 300`);
    expect(output).toContain("IGNORES TERM");
    const { stdout } = await run("ps", ["-e", "-o", "args="]);
    expect(stdout).not.toContain(mark);
  });
});
