import { once } from "node:events";
import { createServer } from "node:net";
import { expect, test } from "vitest";
import { freePort } from "./ports.ts";

test("gives ports that can be listened on, and that nobody is given who asks for any", async () => {
  const ports = await Promise.all(Array.from({ length: 8 }, () => freePort()));
  for (const port of new Set(ports)) {
    expect(port).toBeLessThan(32_768);
    const server = createServer();
    await once(server.listen(port, "127.0.0.1"), "listening");
    await new Promise((resolve) => server.close(resolve));
  }
});
