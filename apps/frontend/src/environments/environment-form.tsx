import type { EnvironmentFacts, NetworkPreset } from "@ccr/protocol";
import { ChevronRight, TriangleAlert } from "lucide-react";
import { Collapsible } from "radix-ui";
import { type ReactNode, useLayoutEffect, useRef } from "react";
import { Notice } from "../ui/feedback.tsx";
import { Field, GrowingTextArea, Select, TextInput } from "../ui/field.tsx";
import { Card, Section } from "../ui/layout.tsx";
import type { EnvironmentDraft, Problems } from "./draft.ts";
import { NetworkField } from "./network-field.tsx";

const hostsOf = ({ packageHosts }: EnvironmentFacts): string => packageHosts.map(({ host }) => host).join(", ");

const NetworkHint = ({ preset, facts }: { preset: NetworkPreset; facts: EnvironmentFacts | undefined }) => {
  if (preset === "none") return "Nothing, but for the hosts below.";
  if (facts === undefined) return "The hosts of the package managers on the server’s machine.";
  return facts.packageHosts.length === 0
    ? "No host is known on this server; CCR_PACKAGE_HOSTS names some."
    : `On this server: ${hostsOf(facts)}.`;
};

type Parts = { draft: EnvironmentDraft; problems: Problems; change: (part: Partial<EnvironmentDraft>) => void };

const ImageChoice = ({ draft, problems, change, facts }: Parts & { facts: EnvironmentFacts | undefined }) => (
  <div className="grid gap-4 sm:grid-cols-2">
    <Field label="Image">
      {(parts) => (
        <Select
          {...parts}
          value={draft.imageKind}
          onChange={({ target }) => {
            const { value } = target;
            if (value === "default" || value === "named" || value === "devcontainer") change({ imageKind: value });
          }}
        >
          <option value="default">The server’s own</option>
          <option value="named">One that I name</option>
          <option value="devcontainer">The repository’s devcontainer.json</option>
        </Select>
      )}
    </Field>
    {draft.imageKind === "named" && (
      <Field
        label="Its name"
        error={problems.get("imageName")}
        hint="Based on Debian or Ubuntu. The executor is put beside what it has."
      >
        {(parts) => (
          <TextInput
            {...parts}
            className="code"
            placeholder="rust:1-bookworm"
            autoCapitalize="off"
            value={draft.imageName}
            onChange={({ target }) => change({ imageName: target.value })}
          />
        )}
      </Field>
    )}
    {draft.imageKind === "devcontainer" && (
      <Field
        label="Where it lies"
        error={problems.get("devcontainerPath")}
        hint="Its commands for after the creation begin the set-up."
      >
        {(parts) => (
          <TextInput
            {...parts}
            className="code"
            placeholder=".devcontainer/devcontainer.json"
            autoCapitalize="off"
            value={draft.devcontainerPath}
            onChange={({ target }) => change({ devcontainerPath: target.value })}
          />
        )}
      </Field>
    )}
    {draft.imageKind !== "default" && facts?.hasImages === false && (
      <div className="sm:col-span-2">
        <Notice tone="warn" icon={TriangleAlert}>
          <p>This server’s sandboxes are made without images: a run with this environment cannot be launched here.</p>
        </Notice>
      </div>
    )}
  </div>
);

const SetupFields = ({ draft, problems, change, facts }: Parts & { facts: EnvironmentFacts | undefined }) => (
  <Card className="flex flex-col gap-4 p-4">
    <Field
      label="Script"
      error={problems.get("script")}
      hint="Run with bash -e on a clean checkout, as a plain user, apart from the agent. What it leaves in the home, and in the workspace beside what git tracks, is kept for later runs. Empty: there is no set-up."
    >
      {(parts) => (
        <GrowingTextArea
          {...parts}
          mono
          className="min-h-24"
          placeholder="npm ci"
          value={draft.script}
          onChange={({ target }) => change({ script: target.value })}
        />
      )}
    </Field>
    <div className="grid gap-4 sm:grid-cols-2">
      <NetworkField
        label="The set-up may reach"
        hint={<NetworkHint preset={draft.network} facts={facts} />}
        value={draft.network}
        onChange={(network) => change({ network: network || "none" })}
      />
      <Field label="May take (minutes)" error={problems.get("minutes")}>
        {(parts) => (
          <TextInput
            {...parts}
            inputMode="decimal"
            value={draft.minutes}
            onChange={({ target }) => change({ minutes: target.value })}
          />
        )}
      </Field>
    </div>
    <Field
      label="Further hosts"
      error={problems.get("hosts")}
      hint="For the set-up alone, one a line: a name (port 443), or name:port."
    >
      {(parts) => (
        <GrowingTextArea
          {...parts}
          mono
          placeholder="packages.example.org"
          value={draft.hosts}
          onChange={({ target }) => change({ hosts: target.value })}
        />
      )}
    </Field>
    <Collapsible.Root defaultOpen={problems.has("cacheKeys")}>
      <Collapsible.Trigger className="group flex items-center gap-1.5 rounded text-xs font-medium text-ink-soft hover:text-ink">
        <ChevronRight aria-hidden className="size-3.5 transition-transform group-data-[state=open]:rotate-90" />
        When it is made anew
      </Collapsible.Trigger>
      <Collapsible.Content className="pt-4">
        <Field
          label="Files that it depends on"
          error={problems.get("cacheKeys")}
          hint="Patterns, one a line, with *, ** and ?. When one of these files changes, or one that the script names, it runs anew. Empty: for every commit."
        >
          {(parts) => (
            <GrowingTextArea
              {...parts}
              mono
              value={draft.cacheKeys}
              onChange={({ target }) => change({ cacheKeys: target.value })}
            />
          )}
        </Field>
      </Collapsible.Content>
    </Collapsible.Root>
  </Card>
);

const AgentFields = ({ draft, problems, change, facts }: Parts & { facts: EnvironmentFacts | undefined }) => (
  <Card className="flex flex-col gap-4 p-4">
    <NetworkField
      label="Claude Code may reach"
      hint={
        <>
          While a run works, for it and its checks, beside the model and what this server lets every run reach; the set-up has its
          own. A task or a launch may say otherwise. <NetworkHint preset={draft.agentNetwork} facts={facts} />
        </>
      }
      value={draft.agentNetwork}
      onChange={(network) => change({ agentNetwork: network || "none" })}
    />
    <Field
      label="Other hosts for Claude Code"
      error={problems.get("agentHosts")}
      hint="One a line: a name (port 443), or name:port. Whatever is sent there has left the sandbox."
    >
      {(parts) => (
        <GrowingTextArea
          {...parts}
          mono
          placeholder="docs.example.org"
          value={draft.agentHosts}
          onChange={({ target }) => change({ agentHosts: target.value })}
        />
      )}
    </Field>
  </Card>
);

/** An environment's name, image, variables, set-up and network. `problems` are shown beside their fields; `notice` above, `footer` below. */
export const EnvironmentForm = ({
  draft,
  problems,
  facts,
  onChange,
  onSubmit,
  notice,
  footer,
}: {
  draft: EnvironmentDraft;
  problems: Problems;
  facts: EnvironmentFacts | undefined;
  onChange: (draft: EnvironmentDraft) => void;
  onSubmit: () => void;
  notice?: ReactNode;
  footer: ReactNode;
}) => {
  const form = useRef<HTMLFormElement>(null);
  const change = (part: Partial<EnvironmentDraft>): void => onChange({ ...draft, ...part });
  // The first field that is wrong is where to go on.
  useLayoutEffect(() => {
    if (problems.size > 0) form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }, [problems]);
  return (
    <form
      ref={form}
      noValidate
      className="flex min-w-0 flex-col gap-5"
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      {notice}
      <Field label="Name" error={problems.get("name")}>
        {(parts) => (
          <TextInput
            {...parts}
            className="h-9 text-base"
            placeholder="Node with dependencies"
            value={draft.name}
            onChange={({ target }) => change({ name: target.value })}
          />
        )}
      </Field>
      <ImageChoice draft={draft} problems={problems} change={change} facts={facts} />
      <Section heading="Set-up">
        <SetupFields draft={draft} problems={problems} change={change} facts={facts} />
      </Section>
      <Section heading="Network of Claude Code">
        <AgentFields draft={draft} problems={problems} change={change} facts={facts} />
      </Section>
      <Field
        label="Variables"
        error={problems.get("variables")}
        hint="NAME=value, one a line, for the agent, the checks and the set-up. Whoever sees a run sees them: what is secret belongs below, once this is saved."
      >
        {(parts) => (
          <GrowingTextArea
            {...parts}
            mono
            placeholder="CI=1"
            value={draft.variables}
            onChange={({ target }) => change({ variables: target.value })}
          />
        )}
      </Field>
      {footer}
    </form>
  );
};
