import { DeliverySettings, type RunView } from "@ccr/protocol";
import { AlertDialog } from "radix-ui";
import { useState } from "react";
import { describeRepositories } from "../runs/repositories.ts";
import { Button, buttonClasses } from "../ui/button.tsx";
import { OVERLAY } from "../ui/dialog.tsx";
import { useReturnedFocus } from "../ui/focus.ts";
import { draftOfDelivery, validateDelivery } from "./delivery-draft.ts";
import { DeliveryFields } from "./delivery-fields.tsx";

const noProblems: ReadonlyMap<string, string> = new Map();

/** Asks where the result of a run is to be pushed. */
export const PushDialog = ({
  run,
  onOpenChange,
  onPush,
}: {
  run: RunView;
  onOpenChange: (open: boolean) => void;
  onPush: (delivery: DeliverySettings) => void;
}) => {
  const focus = useReturnedFocus();
  const [draft, setDraft] = useState(() => draftOfDelivery(run.delivery ?? DeliverySettings.parse({ to: "branch" })));
  const [problems, setProblems] = useState(noProblems);
  const submit = (): void => {
    const checked = validateDelivery(draft);
    setProblems(checked.ok ? noProblems : checked.problems);
    if (!checked.ok || checked.settings === undefined || checked.settings === null) return;
    onOpenChange(false);
    onPush(checked.settings);
  };
  return (
    <AlertDialog.Root open onOpenChange={onOpenChange}>
      <AlertDialog.Portal>
        <AlertDialog.Overlay className={OVERLAY} />
        <AlertDialog.Content
          aria-modal
          {...focus}
          className="fixed top-1/2 left-1/2 z-50 flex max-h-[calc(100vh-2rem)] w-[min(34rem,calc(100vw-2rem))] -translate-x-1/2 -translate-y-1/2 flex-col gap-3 overflow-y-auto rounded-xl border border-line bg-surface p-5 shadow-float"
        >
          <AlertDialog.Title className="text-base font-semibold">Push the result</AlertDialog.Title>
          <AlertDialog.Description className="text-pretty text-ink-soft">
            {`To ${run.additionalRepositories.length === 0 ? run.repository : `each of these in which something was changed: ${describeRepositories(run)}`}.`}
            {run.reason !== "passed" &&
              run.reason !== "push_failed" &&
              " This run did not pass: look at what is pushed before anybody builds on it."}
          </AlertDialog.Description>
          <form
            noValidate
            className="flex min-w-0 flex-col gap-4"
            onSubmit={(event) => {
              event.preventDefault();
              submit();
            }}
          >
            <DeliveryFields
              label="What to do"
              choices={["branch", "pull_request"]}
              draft={draft}
              problems={problems}
              onChange={setDraft}
            />
            <div className="flex justify-end gap-2">
              <AlertDialog.Cancel className={buttonClasses("secondary")}>Not now</AlertDialog.Cancel>
              <Button type="submit" tone="primary">
                Push
              </Button>
            </div>
          </form>
        </AlertDialog.Content>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
};
