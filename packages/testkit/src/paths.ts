import { join } from "node:path";

/** The root folder of the checkout that these tests belong to. */
export const projectRoot = join(import.meta.dirname, "..", "..", "..");

/** The Node binary that the project pins; programs that tests start run on it, whatever Node the machine has. */
export const pinnedNode = join(projectRoot, "node_modules", "node", "bin", "node");
