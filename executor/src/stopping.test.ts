import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { waitFor } from "@ccr/testkit";
import { expect, it } from "vitest";
import { collect, executorFolder, outcomeOf, startExecutor } from "./testing/executor.ts";

const wildAgent = fileURLToPath(new URL("./testing/wild-agent.mjs", import.meta.url));
const unavailable = { error: { code: "unavailable", message: expect.stringMatching(/^The executor is being stopped/) } };

/**
 * Sends the first part of what a client says, and waits for a first word, so that the server has read it: a connection on which nothing was
 * read is just closed. What this gives sends the rest, and gives all that is answered until the server hangs up.
 */
const begin = async (address: string, first: string) => {
  const socket = connect(address).setEncoding("utf8");
  let answer = "";
  socket.on("data", (text: string) => {
    answer += text;
  });
  const hungUp = once(socket, "end");
  socket.write(first);
  await once(socket, "data");
  return async (rest: string): Promise<string> => {
    socket.write(rest);
    await hungUp;
    return answer;
  };
};

const beginPost = async (address: string, path: string, body: object) => {
  const text = JSON.stringify(body);
  const head = [`POST ${path} HTTP/1.1`, "host: executor", `content-length: ${text.length}`, "connection: close"];
  const finish = await begin(address, [...head, "expect: 100-continue", "", ""].join("\r\n"));
  return async () => {
    const [_continue, answered = "", ...answer] = (await finish(text)).split("\r\n\r\n");
    return { status: Number(answered.split(" ")[1]), body: answer.join("") };
  };
};

it("takes no more work while it is being stopped, and says so to who was there before", async () => {
  await using folder = await executorFolder();
  await using executor = await startExecutor({ folder, env: { EXECUTOR_CLAUDE: wildAgent } });
  const { address } = executor;
  const going = executor.stream("POST", "/execute", { prompt: "deaf", executionId: "going" }).then(collect);
  const check = { command: "printf x >> ran; tail -f /dev/null" };
  const cut = [{ checkId: "cut" }, {}].map((id) => executor.ask("POST", "/check", { ...id, ...check }));
  await waitFor(async () => (await readFile(folder.join("workspace/ran"), "utf8").catch(() => "")) === "xx", {
    what: "both checks to be at work",
  });
  await waitFor(async () => (await executor.ask("GET", "/health")).text.includes('"executing"'), { what: "the execution" });
  const begun = await Promise.all([
    beginPost(address, "/execute", { prompt: "waits" }),
    beginPost(address, "/execute", { prompt: "waits", executionId: "new" }),
    beginPost(address, "/check", { command: "touch made" }),
    beginPost(address, "/check", { command: "touch made", checkId: "new" }),
    beginPost(address, "/check", { ...check, checkId: "cut" }),
    beginPost(address, "/git-clone", { repositoryUrl: "https://host.test/a/b" }),
    beginPost(address, "/init-git", { email: "a@host.test" }),
  ]);
  const joining = await beginPost(address, "/execute", { prompt: "deaf", executionId: "going" });
  // A request without a body is read as a whole or not at all, so this one comes behind one that is being answered.
  const snapshot = await begin(address, "GET /execute HTTP/1.1\r\nhost: executor\r\n\r\n");
  // It takes seconds to end an agent that does not obey.
  const ended = executor.end("SIGTERM");
  await waitFor(async () => !(await readdir(folder.path)).includes("e.sock"), { what: "the door to be closed" });
  for (const finish of begun) {
    const { status, body } = await finish();
    expect({ status, json: JSON.parse(body) }).toEqual({ status: 503, json: unavailable });
  }
  for (const answer of await Promise.all(cut)) expect(answer).toMatchObject({ status: 503, json: unavailable });
  expect(executor.child.exitCode).toBeNull();
  const joined = joining();
  const answers = await snapshot("POST /snapshot HTTP/1.1\r\nhost: executor\r\nconnection: close\r\n\r\n");
  expect(JSON.parse(answers.slice(answers.lastIndexOf("\r\n\r\n")))).toEqual(unavailable);
  expect(outcomeOf(await going)).toEqual({ kind: "interrupted" });
  expect(await joined).toMatchObject({ status: 200, body: expect.stringContaining('"execution_ended"') });
  expect(await ended).toBe(143);
  expect(await readdir(folder.join("workspace"))).toEqual(["ran"]);
});
