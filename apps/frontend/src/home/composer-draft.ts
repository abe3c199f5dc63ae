import { StartRunInput } from "@ccr/protocol";
import { z } from "zod";
import { DeliveryDraft, emptyDelivery, validateDelivery } from "../delivery/delivery-draft.ts";
import { ConductDraft, USUAL_CONDUCT } from "../launch/conduct.ts";
import { newIdempotencyKey } from "../launch/launch-keys.ts";
import { describeLimitProblem, limitsFromText } from "../launch/limits.ts";

/** A run from a few words, as it is being written. Nothing in it need be valid. */
export const ComposerDraft = z.object({
  prompt: z.string(),
  /** null: nobody has chosen one, and the last one used is taken. */
  repository: z.string().nullable(),
  ref: z.string(),
  checks: z.string(),
  allowNoChanges: z.boolean(),
  model: z.string(),
  limits: z.record(z.string(), z.string()),
  delivery: DeliveryDraft,
  environmentId: z.string(),
  ...ConductDraft,
  /** Sent with the launch, so that sending it twice makes one run. */
  idempotencyKey: z.string(),
});
export type ComposerDraft = z.infer<typeof ComposerDraft>;

export const emptyComposer = (): ComposerDraft => ({
  prompt: "",
  repository: null,
  ref: "",
  checks: "",
  allowNoChanges: false,
  model: "",
  limits: {},
  delivery: emptyDelivery("nowhere"),
  environmentId: "",
  ...USUAL_CONDUCT,
  idempotencyKey: newIdempotencyKey(),
});

/** Fields that are folded away. */
export const isOption = (field: string): boolean => /^(checks|model|environmentId|limits\.|delivery\.)/.test(field);

/** Whether something is said that stands in the folded part. Pure. */
export const hasOptions = ({
  checks,
  model,
  limits,
  delivery,
  environmentId,
  allowNoChanges,
  permissionMode,
  asks,
  network,
}: ComposerDraft): boolean =>
  allowNoChanges ||
  permissionMode !== USUAL_CONDUCT.permissionMode ||
  !asks ||
  delivery.to !== "nowhere" ||
  [checks, model, environmentId, network, ...Object.values(limits)].some((text) => text.trim() !== "");

/** The run as the server takes it, or what is wrong, by field: `prompt`, `repository`, `ref`, `checks`, `limits.cpus`, `delivery.branch`. Pure. */
export const validateComposer = (
  draft: ComposerDraft & { repository: string },
): { ok: true; input: StartRunInput } | { ok: false; problems: ReadonlyMap<string, string> } => {
  const limits = limitsFromText(draft.limits);
  const delivery = validateDelivery(draft.delivery);
  const parsed = StartRunInput.safeParse({
    prompt: draft.prompt,
    repository: draft.repository,
    checks: draft.checks,
    allowNoChanges: draft.allowNoChanges,
    ...(draft.ref.trim() === "" ? {} : { ref: draft.ref }),
    ...(draft.model.trim() === "" ? {} : { model: draft.model }),
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
    ...(draft.environmentId === "" ? {} : { environmentId: draft.environmentId === "none" ? null : draft.environmentId }),
    ...(draft.network === "" ? {} : { network: draft.network }),
    permissionMode: draft.permissionMode,
    asks: draft.asks,
    idempotencyKey: draft.idempotencyKey,
  });
  if (parsed.success && delivery.ok) return { ok: true, input: { ...parsed.data, delivery: delivery.settings ?? null } };
  const problems = new Map<string, string>();
  for (const { path, message } of parsed.error?.issues ?? []) {
    const field = path.map(String).join(".");
    const ofLimit = path[0] === "limits" ? describeLimitProblem(String(path[1]), limits) : null;
    if (!problems.has(field)) problems.set(field, ofLimit ?? message);
  }
  for (const [field, problem] of delivery.ok ? [] : delivery.problems) problems.set(field, problem);
  return { ok: false, problems };
};
