// Builds the web page unless it is built already, for tests of the page: they show the one that the server serves.

import { runScript } from "./setup/stages.mjs";
import { ensureWebUi } from "./setup/web-ui.mjs";

await runScript(async () => {
  await ensureWebUi(() => {});
  return 0;
});
