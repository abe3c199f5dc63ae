import { shareEngine } from "./engine.ts";

/** For vitest's `globalSetup`: lets test files share one Docker Engine. It starts nothing; the first test that needs the engine does. */
const setup = (): (() => Promise<void>) => {
  const shared = shareEngine();
  return async () => shared[Symbol.asyncDispose]();
};

export default setup;
