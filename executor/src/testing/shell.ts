import { request } from "node:http";
import { ErrorBody, Shell, ShellEvent, type ShellId, ShellList } from "@ccr/protocol";
import { waitFor } from "@ccr/testkit";
import type { TestExecutor } from "./executor.ts";

/** A reader of a shell, as a browser's page is one: it can go away, and come back with what it has. */
export interface ShellReader {
  readonly events: readonly ShellEvent[];
  /** How many bytes it has. */
  readonly position: number;
  text(): string;
  /** Waits for a text in the output. */
  until(text: string | RegExp): Promise<void>;
  untilEnd(): Promise<Extract<ShellEvent, { type: "ended" }>["outcome"]>;
  leave(): void;
}

/** Reads a shell's output after so many bytes. Throws when a byte comes twice, or one is left out that was kept. */
export const readShell = (executor: TestExecutor, id: ShellId, after = 0): ShellReader => {
  const events: ShellEvent[] = [];
  const parts: Buffer[] = [];
  let position = after;
  let problem: Error | null = null;
  const take = (line: string): void => {
    const event = ShellEvent.parse(JSON.parse(line));
    if (event.type === "attached") position = Math.max(position, event.begin);
    if (event.type === "output") {
      const data = Buffer.from(event.data, "base64");
      if (event.at !== position) problem = new Error(`bytes from ${event.at} came where ${position} belongs`);
      position = event.at + data.length;
      parts.push(data);
    }
    events.push(event);
  };
  const sent = request({ socketPath: executor.address, path: `/shell?id=${id}&after=${after}`, agent: false }, (response) => {
    let rest = "";
    response.setEncoding("utf8").on("data", (chunk: string) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) take(line);
    });
    response.on("error", () => {}); // it left
  });
  sent.on("error", () => {});
  sent.end();
  const text = () => Buffer.concat(parts).toString("utf8");
  const check = <T>(value: T): T => {
    if (problem !== null) throw problem;
    return value;
  };
  return {
    events,
    get position() {
      return position;
    },
    text,
    until: async (wanted) => {
      const isThere = () => check(typeof wanted === "string" ? text().includes(wanted) : wanted.test(text()));
      await waitFor(isThere, { what: `'${wanted}' in the shell`, timeoutMs: 30_000 }).catch((error: unknown) => {
        throw new Error(`it printed: ${JSON.stringify(text().slice(-2000))}`, { cause: error });
      });
    },
    untilEnd: async () =>
      waitFor(
        () => {
          const last = check(events.at(-1));
          return last?.type === "ended" && last.outcome;
        },
        { what: "the end of the shell", timeoutMs: 30_000 },
      ),
    leave: () => sent.destroy(),
  };
};

/** What a page does with the shells of an executor. */
export const shellsOf = (executor: TestExecutor) => {
  let n = 0;
  const refusal = (json: unknown) => ErrorBody.parse(json).error;
  return {
    open: async (size = { cols: 80, rows: 24 }) => Shell.parse((await executor.ask("POST", "/shells", size)).json),
    tryToOpen: async () => refusal((await executor.ask("POST", "/shells", { cols: 80, rows: 24 })).json),
    list: async () => ShellList.parse((await executor.ask("GET", "/shells")).json).shells,
    type: (id: ShellId, text: string) => executor.ask("POST", "/shell-input", { id, writer: "test", n: ++n, text }),
    resize: (id: ShellId, cols: number, rows: number) => executor.ask("POST", "/shell-resize", { id, cols, rows }),
    close: async (id: ShellId) => Shell.parse((await executor.ask("DELETE", `/shell?id=${id}`)).json),
    read: (id: ShellId, after = 0) => readShell(executor, id, after),
  };
};
