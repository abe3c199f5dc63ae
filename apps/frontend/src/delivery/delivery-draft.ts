import { DeliverySettings } from "@ccr/protocol";
import { z } from "zod";

/** Where results go, as it is being written. Nothing in it need be valid. */
export const DeliveryDraft = z.object({
  /** `task`: as the task says, where a task can say something. */
  to: z.enum(["task", "nowhere", "branch", "pull_request"]),
  branch: z.string(),
  base: z.string(),
  draft: z.boolean(),
  reviewers: z.string(),
  labels: z.string(),
  title: z.string(),
  /** How often a request may be gone on with; empty: it is not looked after. */
  times: z.string().default(""),
  people: z.string().default(""),
});
export type DeliveryDraft = z.infer<typeof DeliveryDraft>;

export const emptyDelivery = (to: DeliveryDraft["to"]): DeliveryDraft => ({
  to,
  branch: "",
  base: "",
  draft: false,
  reviewers: "",
  labels: "",
  title: "",
  times: "",
  people: "",
});

export const draftOfDelivery = (settings: DeliverySettings | null): DeliveryDraft =>
  settings === null
    ? emptyDelivery("nowhere")
    : {
        to: settings.to,
        branch: settings.branch,
        base: settings.base ?? "",
        draft: settings.draft,
        reviewers: settings.reviewers.join(", "),
        labels: settings.labels.join(", "),
        title: settings.title ?? "",
        times: settings.follow === null ? "" : String(settings.follow.times),
        people: settings.follow?.people.join(", ") ?? "",
      };

const listed = (text: string): string[] =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");

/** The settings as the server takes them (`undefined`: as the task says; null: nowhere), or what is wrong, by field: `delivery.branch`. */
export const validateDelivery = (
  draft: DeliveryDraft,
): { ok: true; settings: DeliverySettings | null | undefined } | { ok: false; problems: ReadonlyMap<string, string> } => {
  if (draft.to === "task") return { ok: true, settings: undefined };
  if (draft.to === "nowhere") return { ok: true, settings: null };
  const isRequest = draft.to === "pull_request";
  const parsed = DeliverySettings.safeParse({
    to: draft.to,
    ...(draft.branch.trim() === "" ? {} : { branch: draft.branch }),
    ...(draft.base.trim() === "" ? {} : { base: draft.base }),
    ...(isRequest && draft.title.trim() !== "" ? { title: draft.title } : {}),
    ...(isRequest && draft.times.trim() !== "" ? { follow: { times: Number(draft.times), people: listed(draft.people) } } : {}),
    ...(isRequest ? { draft: draft.draft, reviewers: listed(draft.reviewers), labels: listed(draft.labels) } : {}),
  });
  if (parsed.success) return { ok: true, settings: parsed.data };
  const problems = new Map<string, string>();
  for (const { path, message } of parsed.error.issues) {
    const key = `delivery.${String(path[0] === "follow" ? path[1] : path[0])}`;
    if (!problems.has(key)) problems.set(key, message);
  }
  return { ok: false, problems };
};
