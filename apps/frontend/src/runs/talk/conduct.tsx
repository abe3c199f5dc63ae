import type { Run, RunInput } from "@ccr/protocol";
import { useState } from "react";
import { ModelInput } from "../../launch/model-input.tsx";
import { PermissionModeField } from "../../launch/permission-mode-field.tsx";
import { Button } from "../../ui/button.tsx";
import { Field } from "../../ui/field.tsx";
import type { useTalk } from "./use-talk.ts";

const TOLD: Record<RunInput["state"], string> = {
  queued: "Claude Code is told as soon as it can listen.",
  taken: "Claude Code was told of the last change.",
  late: "The last change came too late: the run was over.",
  withdrawn: "",
};

/** How the agent is to work from now on. `wanted`: as it is once it was told all; `told`: how it stands with the last change, null without any. */
export const Conduct = ({
  run,
  wanted,
  talk,
  told,
}: {
  run: Run;
  wanted: Pick<Run, "model" | "permissionMode">;
  talk: ReturnType<typeof useTalk>;
  told: RunInput["state"] | null;
}) => {
  const [model, setModel] = useState(wanted.model ?? "");
  const changed = model.trim() !== (wanted.model ?? "");
  const { isPending, mutate } = talk.configure;
  return (
    <>
      <h3 className="font-medium">How Claude Code works from now on</h3>
      <PermissionModeField
        value={wanted.permissionMode}
        disabled={isPending}
        onChange={(permissionMode) => mutate({ id: run.id, permissionMode })}
      />
      <form
        className="flex flex-col gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          mutate({ id: run.id, model: model.trim() === "" ? null : model.trim() });
        }}
      >
        <Field label="Model" hint="Left empty, Claude Code’s own default. It holds from its next answer on.">
          {(parts) => <ModelInput {...parts} side="top" value={model} onChange={setModel} />}
        </Field>
        <Button type="submit" size="sm" disabled={!changed} busy={isPending}>
          Use this model
        </Button>
      </form>
      <p role="status" className="text-xs text-ink-faint empty:hidden">
        {told === null ? "" : TOLD[told]}
      </p>
    </>
  );
};
