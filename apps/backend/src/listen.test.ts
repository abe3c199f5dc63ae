import { createServer } from "node:http";
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { StartError } from "./folders.ts";
import { explainListenError, listen } from "./listen.ts";

const at = (port: number) => ({ host: "127.0.0.1", port });

const failure = async (attempt: Promise<unknown>): Promise<Error> => {
  const error = await attempt.then(
    () => null,
    (caught: unknown) => caught,
  );
  if (error instanceof StartError) return error;
  throw new Error("expected a StartError", { cause: error });
};

describe("listen", () => {
  it("takes a free port, and cuts what is open when it ends", async () => {
    const listening = await listen(createServer(), at(0));
    const socket = connect(listening.address.port, "127.0.0.1");
    await new Promise((resolve) => socket.once("connect", resolve));
    // A request that never ends would keep a server that only waits.
    socket.write("GET / HTTP/1.1\r\n");
    const closed = new Promise((resolve) => socket.on("error", () => {}).once("close", resolve));
    await listening[Symbol.asyncDispose]();
    await closed;
    await using again = await listen(createServer(), at(listening.address.port));
    expect(again.address).toEqual(listening.address);
  });

  it("names the port that another program uses, and the option that takes another", async () => {
    await using first = await listen(createServer(), at(0));
    const { port } = first.address;
    const { message } = await failure(listen(createServer(), at(port)));
    expect(message).toBe(`Port ${port} on 127.0.0.1 is in use; stop what uses it, or choose another with --port.`);
  });

  it("names an address that is not this machine's", async () => {
    const { message } = await failure(listen(createServer(), { host: "203.0.113.7", port: 0 }));
    expect(message).toBe("'203.0.113.7' is not an address of this machine; choose another with --host.");
  });

  // What depends on the user and on the network that the tests have.
  it.each([
    ["EACCES", "Port 80 may not be used by this user; choose one above 1023 with --port."],
    ["ENOTFOUND", "'runner.test' is not an address of this machine; choose another with --host."],
    ["EAI_AGAIN", "'runner.test' is not an address of this machine; choose another with --host."],
    ["EMFILE", "The server cannot listen on runner.test:80: listen EMFILE"],
  ])("says what %s means", (code, sentence) => {
    expect(explainListenError(Object.assign(new Error(`listen ${code}`), { code }), "runner.test", 80)).toBe(sentence);
  });
});
