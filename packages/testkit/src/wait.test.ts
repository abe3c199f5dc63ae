import { expect, test } from "vitest";
import { waitFor } from "./wait.ts";

test("gives the first truthy answer, after falsy ones and errors", async () => {
  let tries = 0;
  const answer = await waitFor(() => {
    tries++;
    if (tries === 1) throw new Error("not yet");
    return tries === 3 ? "there" : null;
  });
  expect(answer).toBe("there");
  expect(tries).toBe(3);
});

test("names what was waited for and the last answer when the time is up", async () => {
  await expect(waitFor(() => 0, { what: "the server to listen", timeoutMs: 20 })).rejects.toThrow(
    "Waited 20 ms for the server to listen; the last try gave 0.",
  );
  const failing = () => {
    throw new TypeError("broken pipe");
  };
  await expect(waitFor(failing, { timeoutMs: 20 })).rejects.toThrow("threw TypeError: broken pipe");
});

test("gives up on a condition that never answers", async () => {
  await expect(waitFor(() => new Promise<boolean>(() => {}), { timeoutMs: 30 })).rejects.toThrow("Waited 30 ms");
});
