import { deliveriesOf, isFinal, type Run } from "@ccr/protocol";
import { useNavigate } from "@tanstack/react-router";
import { useApi } from "../../api/client.ts";

/** How comments reach Claude Code; `label` is what the button says, and `note` what happens then. */
export type SendComments =
  | { kind: "can"; label: string; note: string; onSend: (text: string) => Promise<void> }
  | { kind: "cannot"; note: string };

/** Sends a message to the agent of a run: a run that goes on from this one once it has ended. Its page is gone to then. */
export const useSendComments = (run: Run): SendComments => {
  const { client } = useApi();
  const navigate = useNavigate();
  if (!isFinal(run.status)) return { kind: "cannot", note: "They are kept here. Send them when the run has ended." };
  if (run.baseCommit === null) return { kind: "cannot", note: "The run ended before there was anything to go on with." };
  const isPushed = deliveriesOf(run).some((delivered) => delivered.isPushed);
  const onSend = async (text: string): Promise<void> => {
    if (!isPushed) {
      const failed = deliveriesOf(await client.runs.push.mutate({ id: run.id })).find(({ state }) => state === "failed");
      if (failed !== undefined) throw new Error(`The work could not be pushed to a branch. ${failed.problem ?? ""}`.trim());
    }
    const { id } = await client.runs.followUp.mutate({ id: run.id, instructions: text });
    await navigate({ to: "/runs/$runId", params: { runId: id } });
  };
  return isPushed
    ? { kind: "can", label: "Send to Claude", note: "A run starts that goes on from this one, on its branch.", onSend }
    : {
        kind: "can",
        label: "Push and send to Claude",
        note: "The work is on no branch yet. It is pushed to one first; then a run starts that goes on from there.",
        onSend,
      };
};
