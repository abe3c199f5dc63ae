import { DEFAULT_PERMISSION_MODE, NETWORK_PRESETS, PermissionMode } from "@ccr/protocol";
import { z } from "zod";

/** How Claude Code works in a run, as it is being filled in. Drafts of earlier versions of this page have none of it. */
export const ConductDraft = {
  permissionMode: PermissionMode.default(DEFAULT_PERMISSION_MODE),
  asks: z.boolean().default(true),
  /** Empty: as the task or the environment says. */
  network: z.enum(["", ...NETWORK_PRESETS]).default(""),
};

/** How it works when nothing is said. */
export const USUAL_CONDUCT = { permissionMode: DEFAULT_PERMISSION_MODE, asks: true, network: "" } as const;
