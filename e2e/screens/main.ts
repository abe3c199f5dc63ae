import { mkdir, rm } from "node:fs/promises";
import { startBrowser } from "@ccr/testkit/browser";
import { demo } from "./demo.ts";
import { live } from "./live.ts";
import { DATA_DIR, folder } from "./take.ts";

/*
 * Pictures of every screen of the web UI, from real runs: `npm run screens`. Each in light and dark, on a desktop and on a phone, as
 * `<screen>-<desktop|phone>-<light|dark>.jpg`.
 */

await mkdir(folder, { recursive: true });
await rm(DATA_DIR, { recursive: true, force: true });
{
  await using browser = await startBrowser();
  await demo(browser);
  await rm(DATA_DIR, { recursive: true, force: true });
  await live(browser);
}
await rm(DATA_DIR, { recursive: true, force: true });
process.stdout.write(`pictures are in ${folder}\n`);
