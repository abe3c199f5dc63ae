import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

// None that Linux gives to those that do not ask for a certain one (from 32768 on), so that none of them takes it in between.
const FIRST = 20_000;
const LAST = 31_999;
const TRIES = 50;

/** A port of 127.0.0.1 that nothing listens on, for what has to be told its port, or to have it again after a restart. */
export const freePort = async (): Promise<number> => {
  for (let tries = 1; ; tries++) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST + 1));
    const probe = createServer();
    try {
      await once(probe.listen(port, "127.0.0.1"), "listening");
      return port;
    } catch (error) {
      if (tries === TRIES) throw error;
      await delay(10);
    } finally {
      if (probe.listening) await new Promise((resolve) => probe.close(resolve));
    }
  }
};
