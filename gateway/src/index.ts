import { fileURLToPath } from "node:url";

export { type GatewayClient, gatewayClient } from "./client.ts";
export type { Credential } from "./credential.ts";
export { gatewayDigest } from "./digest.ts";
export { createGateway, type Gateway, type GatewayOptions } from "./gateway.ts";
export type { Limits } from "./limits.ts";

/** The program to run as the gateway's own process (`node <path>`), configured by its environment. */
export const gatewayMainPath: string = fileURLToPath(new URL("./main.ts", import.meta.url));
