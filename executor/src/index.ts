import { fileURLToPath } from "node:url";

/** The program to start with Node 24: `node <executorMain>`, set up by the environment (see its `--help`). */
export const executorMain = fileURLToPath(new URL("./main.ts", import.meta.url));
