import type { EnvironmentId } from "@ccr/protocol";
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Play } from "lucide-react";
import { useRef, useState } from "react";
import { useApi } from "../api/client.ts";
import { describeError } from "../api/errors.ts";
import { newIdempotencyKey } from "../launch/launch-keys.ts";
import { RefInput } from "../launch/ref-input.tsx";
import { RepositoryInput } from "../launch/repository-input.tsx";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";

/** Starts a run that only sets an environment up, and leads there. `changed`: the page has changes that are not saved. */
export const SetUpForm = ({ id, changed }: { id: EnvironmentId; changed: boolean }) => {
  const { trpc } = useApi();
  const navigate = useNavigate();
  const [wanted, setWanted] = useState({ repository: "", ref: "" });
  // Asked once more after an answer that was lost, it makes no second run.
  const key = useRef({ of: "", text: "" });
  const setUp = useMutation(
    trpc.environments.setUp.mutationOptions({
      onSuccess: (run) => {
        key.current = { of: "", text: "" };
        return navigate({ to: "/runs/$runId", params: { runId: run.id } });
      },
    }),
  );
  const repository = wanted.repository.trim();
  const ref = wanted.ref.trim();
  const submit = (): void => {
    const of = JSON.stringify([repository, ref]);
    if (key.current.of !== of) key.current = { of, text: newIdempotencyKey() };
    setUp.mutate({ id, repository, ...(ref === "" ? {} : { ref }), idempotencyKey: key.current.text });
  };
  return (
    <form
      noValidate
      className="flex flex-col gap-3 border-t border-line p-4"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <Field
        label="Set it up for"
        hint="To see whether it works, without starting Claude Code."
        error={setUp.error === null ? undefined : describeError(setUp.error)}
      >
        {(parts) => (
          <RepositoryInput
            {...parts}
            value={wanted.repository}
            onChange={(text) => {
              setUp.reset();
              setWanted({ repository: text, ref: text.trim() === repository ? wanted.ref : "" });
            }}
          />
        )}
      </Field>
      {repository !== "" && (
        <Field label="Branch, tag or commit">
          {(parts) => (
            <RefInput
              {...parts}
              repository={repository}
              value={wanted.ref}
              onChange={(text) => {
                setUp.reset();
                setWanted({ ...wanted, ref: text });
              }}
            />
          )}
        </Field>
      )}
      {changed && <p className="text-xs text-warn">What is not saved yet is not tried: save first.</p>}
      <Button type="submit" busy={setUp.isPending} disabled={repository === ""} className="self-start">
        <Play aria-hidden className="size-3.5" /> Set up now
      </Button>
    </form>
  );
};
