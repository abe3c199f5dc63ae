import type { EnvironmentView } from "@ccr/protocol";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Package, Plus, TriangleAlert } from "lucide-react";
import { useApi } from "../api/client.ts";
import { buttonClasses } from "../ui/button.tsx";
import { EmptyState, LoadError, Skeleton } from "../ui/feedback.tsx";
import { Card, Page } from "../ui/layout.tsx";
import { Ago } from "../ui/time.tsx";
import { describeEnvironment } from "./environment-words.ts";

/** Others may change them. */
const LOOK_EVERY_MS = 5000;

const newLink = (
  <Link to="/environments/new" className={buttonClasses("primary")}>
    <Plus aria-hidden className="size-3.5" /> New environment
  </Link>
);

const Row = ({ environment, repositories }: { environment: EnvironmentView; repositories: readonly string[] }) => (
  <li className="relative px-4 py-3 transition-colors hover:bg-hover">
    <Link
      to="/environments/$environmentId"
      params={{ environmentId: environment.id }}
      className="inset-ring-focus block truncate rounded font-medium after:absolute after:inset-0"
    >
      {environment.name}
    </Link>
    <p className="text-xs text-ink-faint [overflow-wrap:anywhere]">
      {describeEnvironment(environment)} · edited <Ago at={environment.updatedAt} />
    </p>
    {repositories.length > 0 && (
      <p className="text-xs text-ink-soft [overflow-wrap:anywhere]">That of {repositories.join(", ")}</p>
    )}
    {environment.missingSecrets.length > 0 && (
      <p className="flex items-baseline gap-1.5 text-xs text-warn">
        <TriangleAlert aria-hidden className="size-3 shrink-0 translate-y-0.5" /> No value here of{" "}
        {environment.missingSecrets.join(", ")}
      </p>
    )}
  </li>
);

/** Every environment. */
export const EnvironmentsPage = () => {
  const { trpc } = useApi();
  const environments = useQuery(trpc.environments.list.queryOptions(undefined, { refetchInterval: LOOK_EVERY_MS }));
  const facts = useQuery(trpc.environments.facts.queryOptions(undefined, { refetchInterval: LOOK_EVERY_MS }));
  return (
    <Page
      title="Environments"
      heading="Environments"
      intro="What runs need beyond their repository: an image, variables, and a set-up that runs once and is used again."
      actions={newLink}
    >
      <Card className="overflow-hidden">
        {environments.data === undefined ? (
          environments.error === null ? (
            <Skeleton />
          ) : (
            <LoadError error={environments.error} onRetry={() => environments.refetch()} />
          )
        ) : environments.data.length === 0 ? (
          <EmptyState icon={Package} title="No environments yet" action={newLink}>
            Runs work without one. With one, dependencies are installed once, apart from the agent, and are there for it and for
            the checks.
          </EmptyState>
        ) : (
          <ul className="divide-y divide-line">
            {environments.data.map((environment) => (
              <Row
                key={environment.id}
                environment={environment}
                repositories={(facts.data?.defaults ?? [])
                  .filter(({ environmentId }) => environmentId === environment.id)
                  .map(({ repository }) => repository)}
              />
            ))}
          </ul>
        )}
      </Card>
    </Page>
  );
};
