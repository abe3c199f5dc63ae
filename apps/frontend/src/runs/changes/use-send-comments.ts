import type { Run } from "@ccr/protocol";
import { z } from "zod";
import { newIdempotencyKey } from "../../launch/launch-keys.ts";
import { useToasts } from "../../ui/toast.tsx";
import { useTalk } from "../talk/use-talk.ts";
import { useKept } from "./kept.ts";
import { type SendWay, sendWayOf } from "./send-way.ts";

/** `onSend` rejects when it is not known that the server has them. */
export type SendComments =
  | (Extract<SendWay, { kind: "can" }> & { onSend: (text: string) => Promise<void> })
  | Extract<SendWay, { kind: "cannot" }>;

/** A message on its way. As long as it is the same one it is said once, whatever became of the answer and of this page. */
const Sending = z.object({ text: z.string(), key: z.string() });
const NOTHING = { text: "", key: "" };

/** Says a message to the agent of a run, or to that of a run that goes on from it once it has ended. Its page is gone to then. */
export const useSendComments = (run: Run): SendComments => {
  const talk = useTalk(run);
  const toasts = useToasts();
  const [sending, setSending] = useKept(`ccr.comments.sending.${run.id}`, Sending, NOTHING);
  const way = sendWayOf(run);
  if (way.kind === "cannot") return way;
  const onSend = async (text: string): Promise<void> => {
    const key = sending.text === text ? sending.key : newIdempotencyKey();
    setSending(() => ({ text, key }));
    const said = await talk.say.mutateAsync({ id: run.id, text, idempotencyKey: key });
    setSending(() => NOTHING);
    if (said.kind === "queued") toasts.ok("Your comments wait to be told. They stand below the transcript.");
  };
  return { ...way, onSend };
};
