import { DEFAULT_PERMISSION_MODE, PermissionMode } from "@ccr/protocol";
import { z } from "zod";

/** How Claude Code works in a run, as it is being filled in. Drafts of earlier versions of this page have neither of the two. */
export const ConductDraft = {
  permissionMode: PermissionMode.default(DEFAULT_PERMISSION_MODE),
  asks: z.boolean().default(true),
};

/** How it works when nothing is said. */
export const USUAL_CONDUCT = { permissionMode: DEFAULT_PERMISSION_MODE, asks: true };
