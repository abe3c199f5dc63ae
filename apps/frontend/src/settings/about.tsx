import type { ServerAbout, ServerInfo } from "@ccr/protocol";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useApi } from "../api/client.ts";
import { useServerInfo } from "../api/server-info.ts";
import { useUnreachable } from "../api/use-unreachable.ts";
import { Button } from "../ui/button.tsx";
import { CopyTextButton } from "../ui/copy-button.tsx";
import { LoadError, Skeleton } from "../ui/feedback.tsx";
import { formatMoment } from "../ui/format.ts";
import { Card, Section } from "../ui/layout.tsx";
import { Elapsed } from "../ui/time.tsx";
import { diagnosticsOf } from "./diagnostics.ts";
import { LicenceList } from "./licences.tsx";

/** In the checkout that the server runs from. */
const DOCUMENTS = [
  { path: "README.md", what: "How to start it, all variables, the API with examples" },
  { path: "docs/operations.md", what: "Probes, metrics, logs, what is kept, backups, several servers" },
  { path: "docs/security.md", what: "What a sandbox can reach, and where secrets are" },
  { path: "docs/lifecycle.md", what: "How a run goes, how checks decide, every outcome" },
  { path: "docs/architecture.md", what: "The parts and how they work together" },
];

const Fact = ({ label, children }: { label: string; children: ReactNode }) => (
  <div className="grid gap-x-4 px-4 py-2.5 sm:grid-cols-[10rem_minmax(0,1fr)]">
    <dt className="text-ink-faint">{label}</dt>
    <dd className="[overflow-wrap:anywhere]">{children}</dd>
  </div>
);

const Facts = ({ info, about }: { info: ServerInfo; about: ServerAbout }) => (
  <Card>
    <dl className="divide-y divide-line">
      <Fact label="Version">
        {info.version} <span className="text-ink-faint">build {info.build}</span>
      </Fact>
      <Fact label="Up for">
        <Elapsed from={about.startedAt} to={null} className="nums" />{" "}
        <span className="text-ink-faint">since {formatMoment(about.startedAt)}</span>
      </Fact>
      <Fact label="Sandboxes">{info.driver.sentence}</Fact>
      <Fact label="Model">
        {about.modelHost}
        {info.demo && <span className="text-ink-faint"> (demo mode)</span>}
      </Fact>
      <Fact label="Database">{about.database === "sqlite" ? "SQLite" : "PostgreSQL"}</Fact>
      <Fact label="Node">{about.node}</Fact>
      <Fact label="System">{about.system}</Fact>
      <Fact label="Runs at once">
        {info.maxConcurrentRuns}
        {about.maxRunsPerRepository !== null && `, ${about.maxRunsPerRepository} of one repository`}
        {about.maxRunsPerTask !== null && `, ${about.maxRunsPerTask} of one task`}
      </Fact>
    </dl>
  </Card>
);

/** What this server is, for people who look after it or help with it. */
export const About = () => {
  const { trpc } = useApi();
  const info = useServerInfo();
  const about = useQuery(trpc.server.about.queryOptions(undefined, { staleTime: 30_000 }));
  const unreachable = useUnreachable();
  const [showsLicences, setShowsLicences] = useState(false);
  return (
    <>
      <Section
        heading="This server"
        action={
          info !== undefined &&
          about.data !== undefined && (
            <CopyTextButton
              label="Copy diagnostics"
              text={() =>
                diagnosticsOf(
                  { info, about: about.data },
                  {
                    now: Date.now(),
                    browser: navigator.userAgent,
                    window: `${innerWidth}x${innerHeight}`,
                    problem:
                      unreachable === null ? null : `${unreachable.what} away since ${new Date(unreachable.since).toISOString()}`,
                  },
                )
              }
            />
          )
        }
      >
        {info !== undefined && about.data !== undefined ? (
          <Facts info={info} about={about.data} />
        ) : (
          <Card>{about.error === null ? <Skeleton /> : <LoadError error={about.error} onRetry={() => about.refetch()} />}</Card>
        )}
      </Section>
      <Section heading="Documents">
        <Card>
          <dl className="divide-y divide-line">
            {DOCUMENTS.map(({ path, what }) => (
              <div key={path} className="grid gap-x-4 px-4 py-2.5 sm:grid-cols-[13rem_minmax(0,1fr)]">
                <dt>
                  <code className="code">{path}</code>
                </dt>
                <dd className="text-ink-soft">{what}</dd>
              </div>
            ))}
          </dl>
        </Card>
        <p className="text-xs text-ink-faint">
          They lie in the checkout that the server runs from, so that they are those of its version.
        </p>
      </Section>
      <Section heading="Licences">
        <p className="text-ink-soft">
          claude-code-runner is free software under the MIT licence. This page is built with other people’s.
        </p>
        {showsLicences ? (
          <LicenceList />
        ) : (
          <div>
            <Button onClick={() => setShowsLicences(true)}>Show the licences of its libraries</Button>
          </div>
        )}
      </Section>
    </>
  );
};
