import { readFile } from "node:fs/promises";
import { ENDED_SHELLS_MAX, SHELL_SCROLLBACK_BYTES, SHELLS_MAX } from "@ccr/protocol";
import { waitFor } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { collect, executorFolder, startExecutor } from "./testing/executor.ts";
import { shellsOf } from "./testing/shell.ts";

const place = async (env: Record<string, string> = {}) => {
  const folder = await executorFolder();
  const executor = await startExecutor({ folder, env: { PS1: "$ ", ...env } });
  return {
    folder,
    executor,
    shells: shellsOf(executor),
    [Symbol.asyncDispose]: async () => {
      await executor[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
};

// The terminal throws away what is typed before the interrupt is dealt with.
const PROMPT_AFTER_INTERRUPT = /\^C[\s\S]*[#$] $/;

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
const isRunning = async (pid: number): Promise<boolean> =>
  isAlive(pid) && !(await readFile(`/proc/${pid}/stat`, "utf8").catch(() => ") Z")).includes(") Z");

describe("a shell", () => {
  it("is a terminal in the workspace, with the variables of commands and no credential", async () => {
    await using here = await place({
      ANTHROPIC_API_KEY: "sk-secret-of-the-test",
      MY_TOKEN: "also-secret",
      EXECUTOR_VARIABLES: '{"GIVEN":"yes"}',
    });
    const { shells } = here;
    const { id } = await shells.open({ cols: 91, rows: 37 });
    const reader = shells.read(id);
    await shells.type(id, "tty; stty size; pwd; echo given=$GIVEN term=$TERM; env | sort\n");
    await shells.type(id, "echo the-e''nd\n");
    await reader.until("the-end");
    expect(reader.text()).toMatch(/\/dev\/pts\/\d+/);
    expect(reader.text()).toContain("37 91");
    expect(reader.text()).toContain(here.folder.join("workspace"));
    expect(reader.text()).toContain("given=yes term=xterm-256color");
    expect(reader.text()).not.toContain("secret");
    await shells.type(id, "exit 3\n");
    expect(await reader.untilEnd()).toEqual({ kind: "exited", exitCode: 3 });
    expect((await shells.list())[0]).toMatchObject({ id, outcome: { kind: "exited", exitCode: 3 } });
  });

  it("tells its programs of a new size", async () => {
    await using here = await place();
    const { id } = await here.shells.open();
    const reader = here.shells.read(id);
    await here.shells.type(id, "trap 'echo now $(stty size)' WINCH; echo re''ady\n");
    await reader.until("ready");
    await here.shells.resize(id, 120, 40);
    await here.shells.type(id, "\n");
    await reader.until("now 40 120");
    expect((await here.shells.list())[0]).toMatchObject({ cols: 120, rows: 40 });
    expect((await here.shells.resize(id, 0, 40)).status).toBe(400);
  });

  it("can be typed into and resized while it ends, and after that", async () => {
    await using here = await place();
    const { id } = await here.shells.open();
    const reader = here.shells.read(id);
    await here.shells.type(id, "exit\n");
    const ended = reader.untilEnd();
    for (let cols = 100, isOver = false; !isOver; cols++) {
      isOver = reader.events.at(-1)?.type === "ended";
      expect((await here.shells.resize(id, 80 + (cols % 50), 24)).status).toBe(200);
      expect((await here.shells.type(id, "x")).status).toBe(200);
    }
    expect(await ended).toMatchObject({ kind: "exited" });
    expect((await here.executor.ask("GET", "/health")).status).toBe(200);
  });

  it("passes keys on as they are: ^C interrupts, and text of any language arrives", async () => {
    await using here = await place();
    const { id } = await here.shells.open();
    const reader = here.shells.read(id);
    // What is typed while the terminal changes hands is not given to the next reader before its next line.
    await here.shells.type(id, "echo st''arted; cat\n");
    await reader.until("started");
    await here.shells.type(id, "grüße 日本 🙂\n");
    await reader.until(/grüße 日本 🙂[\s\S]*grüße 日本 🙂/);
    await here.shells.type(id, "\u0003");
    await reader.until(PROMPT_AFTER_INTERRUPT);
    await here.shells.type(id, "echo code=$?\n");
    await reader.until("code=130");
  });

  it("gives who comes back what it has not seen, each byte once, however often", async () => {
    await using here = await place();
    const { shells } = here;
    const { id } = await shells.open();
    const whole = shells.read(id);
    const print = (from: number, to: number, end: string) =>
      shells.type(id, `for i in $(seq ${from} ${to}); do echo line-$i-of-many; done; echo ${end}\n`);
    await print(1, 1500, "half-w''ay");
    let position = 0;
    const parts: Buffer[] = [];
    let visits = 0;
    let isTold = false;
    for (; !Buffer.concat(parts).includes("the-end"); visits++) {
      const reader = shells.read(id, position);
      await waitFor(() => reader.position > position, { what: "some more of it" });
      reader.leave();
      position = reader.position;
      parts.push(Buffer.from(reader.text()));
      if (!isTold && Buffer.concat(parts).includes("half-way")) {
        isTold = true;
        await print(1501, 3000, "the-e''nd");
      }
    }
    expect(visits).toBeGreaterThan(1);
    await whole.until("the-end");
    const seen = Buffer.concat(parts).toString();
    expect(whole.text().startsWith(seen)).toBe(true);
    expect(seen.match(/line-\d+-of-many\r$/gm)).toHaveLength(3000);
    expect(await shells.read(id).until("line-3000-of-many")).toBeUndefined();
  });

  it("keeps the end of a long output, and says from where on", async () => {
    await using here = await place();
    const { shells } = here;
    const { id } = await shells.open();
    await shells.type(id, "stty -echo\n");
    await shells.type(id, "head -c 3000000 /dev/zero | tr '\\0' x; echo the-e''nd\n");
    const watching = shells.read(id);
    await watching.until("the-end");
    const late = shells.read(id);
    await late.until("the-end");
    const [attached] = late.events;
    const [shell] = await shells.list();
    expect(shell?.end).toBeGreaterThan(3_000_000);
    expect(attached).toMatchObject({ type: "attached", begin: (shell?.end ?? 0) - SHELL_SCROLLBACK_BYTES });
    expect(Buffer.byteLength(late.text())).toBe(SHELL_SCROLLBACK_BYTES);
  });

  it("does not let what nobody reads keep the executor busy, nor one who stopped reading keep the program waiting", async () => {
    await using here = await place();
    const { shells } = here;
    const { id } = await shells.open();
    await shells.type(id, "yes\n");
    await waitFor(async () => ((await shells.list())[0]?.end ?? 0) > 500_000, { what: "some output" });
    const asleep = shells.read(id);
    await asleep.until("y");
    expect((await here.executor.ask("GET", "/health")).status).toBe(200);
    await shells.type(id, "\u0003");
    await asleep.until(PROMPT_AFTER_INTERRUPT);
    await shells.type(id, "echo the-e''nd\n");
    await asleep.until("the-end");
  });

  it("types what is sent again once", async () => {
    await using here = await place();
    const { id } = await here.shells.open();
    const reader = here.shells.read(id);
    const send = (n: number, text: string) => here.executor.ask("POST", "/shell-input", { id, writer: "page", n, text });
    expect((await send(1, "echo on''e\n")).json).toEqual({ typed: true });
    expect((await send(1, "echo on''e\n")).json).toEqual({ typed: false });
    expect((await send(2, "echo the-e''nd\n")).json).toEqual({ typed: true });
    await reader.until("the-end");
    expect(reader.text().match(/^one\r$/gm)).toHaveLength(1);
  });

  it("is closed with all that was started in it, also what ignores the hang-up and has a session of its own", async () => {
    await using here = await place();
    const { id } = await here.shells.open();
    const reader = here.shells.read(id);
    await here.shells.type(
      id,
      "setsid nohup bash -c 'trap \"\" HUP TERM; echo pid=$$ > /dev/tty 2>&1 || echo pid=$$ > pid; sleep 1000' & \n",
    );
    await here.shells.type(id, "bash -c 'trap \"\" HUP TERM; echo other=$$; sleep 1000' &\n");
    await reader.until(/other=\d+/);
    const pidFile = here.folder.join("workspace/pid");
    const own = await waitFor(async () => /pid=(\d+)/.exec(await readFile(pidFile, "utf8").catch(() => ""))?.[1], {
      what: "its pid",
    });
    const pids = [Number(own), Number(/other=(\d+)/.exec(reader.text())?.[1])];
    expect(await Promise.all(pids.map(isRunning))).toEqual([true, true]);
    expect((await here.shells.close(id)).outcome).toEqual({ kind: "closed" });
    expect(await reader.untilEnd()).toEqual({ kind: "closed" });
    await waitFor(async () => !(await Promise.all(pids.map(isRunning))).includes(true), { what: "their end" });
    expect((await here.shells.list()).map((shell) => shell.id)).toEqual([id]);
    expect((await here.shells.close(id)).outcome).toEqual({ kind: "closed" });
    expect(await here.shells.list()).toEqual([]);
  });
});

describe("the shells of a sandbox", () => {
  it("are a few at once, and of those that ended the last are kept", async () => {
    await using here = await place();
    const { shells } = here;
    const opened = [];
    for (let count = 0; count < SHELLS_MAX; count++) opened.push((await shells.open()).id);
    expect(await shells.tryToOpen()).toMatchObject({
      code: "too_many_requests",
      message: expect.stringContaining("close one first"),
    });
    const [first = "", second = ""] = opened;
    await shells.close(first);
    await shells.open();
    for (let count = 0; count < ENDED_SHELLS_MAX + 1; count++) {
      const next = (await shells.list()).find(({ outcome }) => outcome === null);
      await shells.close(next?.id ?? "");
      await shells.open();
    }
    const ids = (await shells.list()).map(({ id }) => id);
    expect(ids).toHaveLength(SHELLS_MAX + ENDED_SHELLS_MAX);
    expect(ids).not.toContain(first);
    expect(second).not.toBe("");
    const gone = await here.executor.ask("GET", `/shell?id=${first}`);
    expect(gone).toMatchObject({ status: 404 });
    expect((await here.executor.ask("GET", "/shell?id=../x")).status).toBe(400);
  });

  it("are told to whoever reads the transcript, once", async () => {
    await using here = await place();
    await here.shells.open();
    await here.shells.open();
    await waitFor(async () => JSON.stringify((await here.executor.ask("GET", "/health")).json).includes('"lastSeq":1'), {
      what: "the note",
    });
    const events = await collect(await here.executor.stream("GET", "/execute?after=0"));
    expect(events.map(({ body }) => body)).toEqual([{ type: "note", text: "A person opened a shell in the sandbox." }]);
  });

  it("end with the executor, which waits for none of them and says so", async () => {
    await using here = await place();
    const { id } = await here.shells.open();
    const reader = here.shells.read(id);
    await here.shells.type(id, "trap '' HUP TERM; bash -c 'trap \"\" HUP TERM; echo pid=$$; sleep 1000'\n");
    await reader.until(/pid=\d+/);
    const pid = Number(/pid=(\d+)/.exec(reader.text())?.[1]);
    const ended = here.executor.end("SIGTERM");
    expect(await reader.untilEnd()).toEqual({ kind: "sandbox_ended" });
    expect(await ended).toBe(143);
    expect(await isRunning(pid)).toBe(false);
  });

  it("do not outlive an executor that was killed and started anew", async () => {
    await using here = await place();
    const { id } = await here.shells.open();
    const reader = here.shells.read(id);
    await here.shells.type(id, "trap '' HUP; echo pid=$$; setsid nohup sleep 1000 &\n");
    await reader.until(/pid=\d+/);
    const pid = Number(/pid=(\d+)/.exec(reader.text())?.[1]);
    await here.executor.end("SIGKILL");
    await using again = await startExecutor({ folder: here.folder });
    expect(await isRunning(pid)).toBe(false);
    expect(await shellsOf(again).list()).toEqual([]);
  });

  it("wait for a workspace", async () => {
    await using here = await place({ EXECUTOR_WORKSPACE: "/nowhere/at/all" });
    expect(await here.shells.tryToOpen()).toMatchObject({ code: "conflict", message: expect.stringContaining("workspace") });
  });

  it("are for the one who drives the sandbox now, if a fence is given", async () => {
    await using here = await place();
    await here.executor.ask("GET", "/health", undefined, { headers: { "x-ccr-fence": "5" } });
    const late = await here.executor.ask("POST", "/shells", { cols: 80, rows: 24 }, { headers: { "x-ccr-fence": "4" } });
    expect(late.status).toBe(409);
    expect(await here.shells.list()).toEqual([]);
  });
});
