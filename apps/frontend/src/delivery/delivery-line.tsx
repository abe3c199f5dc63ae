import { checkoutsOf, type Delivered, deliveriesOf, isFinal, type RunCheckout, type RunView } from "@ccr/protocol";
import { useMutation } from "@tanstack/react-query";
import { CircleAlert, CircleCheck, GitBranch, GitPullRequest, LoaderCircle, type LucideIcon, Minus, Upload } from "lucide-react";
import { useApi } from "../api/client.ts";
import { MANY_REPOSITORIES } from "../runs/repositories.ts";
import { QuietPart } from "../ui/boundary.tsx";
import { Button } from "../ui/button.tsx";
import { classes } from "../ui/classes.ts";
import { CopyButton } from "../ui/copy-button.tsx";
import { lazyPart } from "../ui/lazy-part.tsx";
import { useToasts } from "../ui/toast.tsx";
import { useOpened } from "../ui/use-opened.ts";

const usePush = (run: RunView) => {
  const { trpc, queries } = useApi();
  const toasts = useToasts();
  const queryKey = trpc.runs.byId.queryKey({ id: run.id });
  return useMutation(
    trpc.runs.push.mutationOptions({
      onSuccess: (next) => queries.setQueryData(queryKey, next),
      onError: toasts.error,
      onSettled: () => queries.invalidateQueries({ queryKey }),
    }),
  );
};

// Asked for once somebody wants to push.
const PushDialog = lazyPart(() => import("./push-dialog.tsx").then(({ PushDialog }) => PushDialog));

/** Asks where the result is to be pushed, and pushes it. */
const PushButton = ({
  run,
  label,
  busy,
  push,
}: {
  run: RunView;
  label: string;
  busy: boolean;
  push: ReturnType<typeof usePush>;
}) => {
  const { isOpen, setOpen, open, failed } = useOpened(PushDialog);
  return (
    <>
      <Button size="sm" busy={busy} aria-haspopup="dialog" aria-expanded={isOpen} onClick={open}>
        <Upload aria-hidden className="size-3.5" /> {label}
      </Button>
      {isOpen && (
        <QuietPart name="way to push" onFailed={failed}>
          <PushDialog run={run} onOpenChange={setOpen} onPush={(delivery) => push.mutate({ id: run.id, delivery })} />
        </QuietPart>
      )}
    </>
  );
};

/** Where a result is, and what could not be done; `problem` is told only where nothing else on the page tells it. */
const DeliveredParts = ({ delivered, problem }: { delivered: Delivered; problem: string | null }) => (
  <>
    {delivered.isPushed && (
      <span className="flex min-w-0 items-center gap-1.5">
        <GitBranch aria-hidden className="size-3.5 shrink-0 text-ok" />
        <span className="code min-w-0 truncate" title={delivered.branch}>
          {delivered.branch}
        </span>
        <CopyButton text={() => delivered.branch} label="Copy the branch’s name" />
      </span>
    )}
    {delivered.pullRequest !== null && (
      <a
        href={delivered.pullRequest.url}
        target="_blank"
        rel="noreferrer"
        className="flex items-center gap-1.5 rounded font-medium text-accent hover:underline"
      >
        <GitPullRequest aria-hidden className="size-3.5" /> Pull request {delivered.pullRequest.number}
      </a>
    )}
    {delivered.notes.map((note) => (
      <span key={note} className="text-ink-soft [overflow-wrap:anywhere]">
        {note}
      </span>
    ))}
    {problem !== null && (
      <span role="alert" className="text-bad [overflow-wrap:anywhere]">
        {problem}
      </span>
    )}
  </>
);

type Look = { icon: LucideIcon; className: string; label: string };

const STATES = {
  pushing: { icon: LoaderCircle, className: "animate-spin text-accent", label: "Pushing" },
  delivered: { icon: CircleCheck, className: "text-ok", label: "Delivered" },
  failed: { icon: CircleAlert, className: "text-bad", label: "Failed" },
} as const satisfies Record<Delivered["state"], Look>;

/** What is said of a repository of which nothing was delivered. */
const undeliveredLook = (run: RunView): Look => {
  const states = deliveriesOf(run).map(({ state }) => state);
  const label =
    !isFinal(run.status) || states.includes("pushing")
      ? "Not pushed yet"
      : states.includes("delivered")
        ? "Nothing was changed here."
        : "Nothing was pushed";
  return { icon: Minus, className: "text-ink-faint", label };
};

/** What became of the result of a run in one of its several repositories. */
const CheckoutResult = ({ run, checkout }: { run: RunView; checkout: RunCheckout }) => {
  const { directory, repository, delivered } = checkout;
  const { icon: Icon, className, label } = delivered === null ? undeliveredLook(run) : STATES[delivered.state];
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-1">
      <span className="flex min-w-0 items-center gap-1.5" title={repository}>
        <Icon aria-hidden className={classes("size-3.5 shrink-0", className)} />
        <span className="code truncate leading-[inherit] font-medium">{directory}</span>
      </span>
      <span className="text-ink-soft">{label}</span>
      {delivered !== null && <DeliveredParts delivered={delivered} problem={delivered.problem} />}
    </li>
  );
};

/** What became of the result of a run, and what can be done with it. Nothing for a run that has no result yet. */
export const DeliveryLine = ({ run }: { run: RunView }) => {
  const push = usePush(run);
  const checkouts = checkoutsOf(run);
  const deliveries = deliveriesOf(run);
  const hasWork = isFinal(run.status) && checkouts.some(({ headCommit }) => headCommit !== null);
  if (deliveries.length === 0 && !hasWork) return null;
  const isOne = checkouts.length === 1;
  const problem = run.delivered?.problem ?? null;
  const isTold = problem !== null && run.outcome?.sentence.includes(problem) === true;
  return (
    <section aria-label="Result" className="flex flex-wrap items-center gap-x-3 gap-y-1.5 text-xs">
      {isOne && run.delivered !== null && <DeliveredParts delivered={run.delivered} problem={isTold ? null : problem} />}
      {!isOne && deliveries.length > 0 && (
        <ul
          aria-label="By repository"
          className={classes(
            "flex min-w-0 basis-full flex-col gap-y-1",
            checkouts.length > MANY_REPOSITORIES && "max-h-28 overflow-y-auto sm:max-h-34",
          )}
        >
          {checkouts.map((checkout) => (
            <CheckoutResult key={checkout.directory} run={run} checkout={checkout} />
          ))}
        </ul>
      )}
      {hasWork && (
        <PushButton
          key={deliveries.map(({ at }) => at).join()}
          run={run}
          busy={push.isPending}
          push={push}
          label={push.isPending ? "Pushing" : deliveries.length === 0 ? "Push the result" : "Push again"}
        />
      )}
    </section>
  );
};
