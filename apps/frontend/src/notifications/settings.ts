import { z } from "zod";
import { createStored } from "../ui/stored.ts";

/** What a person wants to be told of, in this browser. */
export const NotificationSettings = z.object({
  /** Outside of the page, as long as the browser allows it. */
  desktop: z.boolean(),
  needsYou: z.boolean(),
  endedBadly: z.boolean(),
  endedWell: z.boolean(),
});
export type NotificationSettings = z.infer<typeof NotificationSettings>;

export const notificationSettings = createStored("ccr.notifications", NotificationSettings, {
  desktop: false,
  needsYou: true,
  endedBadly: true,
  endedWell: false,
});

/** Whether the hint on the first run was answered, whichever way. */
export const hintAnswered = createStored("ccr.notifications.hint", z.boolean(), false);
