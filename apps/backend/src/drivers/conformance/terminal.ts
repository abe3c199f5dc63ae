import { request } from "node:http";
import { executorRoutes, Shell, ShellEvent } from "@ccr/protocol";
import { waitFor } from "@ccr/testkit";
import { expect, it } from "vitest";
import { call, type DriverUnderTest, openSandbox, socketOf } from "./sandbox.ts";

/** What a person's shell in a sandbox has: a real terminal, and no more than a command of the agent. */
export const terminalTests = (opened: () => DriverUnderTest): void => {
  it("has terminals, whose shells are what the agent's commands are", async () => {
    await using sandbox = await openSandbox(opened(), { env: { EXECUTOR_VARIABLES: '{"GIVEN":"yes"}' } });
    const socketPath = socketOf(sandbox.handle);
    const post = ({ method, path }: { method: string; path: string }, body: unknown) => call(socketPath, { method, path, body });
    const { id } = Shell.parse(JSON.parse(await post(executorRoutes.openShell, { cols: 90, rows: 30 })));
    let text = "";
    const ended = new Promise<ShellEvent>((resolve, reject) => {
      const sent = request({ socketPath, path: `${executorRoutes.followShell.path}?id=${id}`, agent: false }, (response) => {
        let rest = "";
        response.setEncoding("utf8").on("data", (chunk: string) => {
          const lines = (rest + chunk).split("\n");
          rest = lines.pop() ?? "";
          for (const event of lines.map((line) => ShellEvent.parse(JSON.parse(line)))) {
            if (event.type === "output") text += Buffer.from(event.data, "base64").toString("utf8");
            else if (event.type === "ended") resolve(event);
          }
        });
      });
      sent.once("error", reject).end();
    });
    const until = (pattern: RegExp) =>
      waitFor(() => pattern.exec(text), { what: `${pattern} in the terminal`, timeoutMs: 30_000 }).catch((error: unknown) => {
        throw new Error(`it printed ${JSON.stringify(text)}`, { cause: error });
      });
    let n = 0;
    const type = (keys: string) => post(executorRoutes.shellInput, { id, writer: "suite", n: ++n, text: keys });
    await type("tty; stty size; id -un; pwd; echo given=$GIVEN; test -w /dev/ptmx && echo wri''table; ulimit -c\n");
    await until(/\/dev\/pts\/\d+\r\n30 90\r\nagent\r\n\/workspace\r\ngiven=yes\r\nwritable\r\n0\r\n/);
    await post(executorRoutes.resizeShell, { id, cols: 120, rows: 40 });
    await type("stty size; grep -E 'CapEff|NoNewPrivs|Seccomp:' /proc/self/status; ls /proc/self/fd\n");
    await until(/40 120\r\nCapEff:\t0{16}\r\nNoNewPrivs:\t1\r\nSeccomp:\t2\r\n/);
    // What says that it sleeps is what sleeps: between two commands of its own, the shell may miss the key.
    await type("(echo sl''eeps; exec sleep 1000)\n");
    await until(/sleeps/);
    await type("\u0003");
    await until(/\^C[\s\S]*[#$] $/);
    await type("exit 7\n");
    expect(await ended).toEqual({ type: "ended", outcome: { kind: "exited", exitCode: 7 } });
  });
};
