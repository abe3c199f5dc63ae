import type { Credential } from "@ccr/protocol";
import { useMutation, useQuery } from "@tanstack/react-query";
import { CircleAlert, CircleCheck, CircleDashed, FlaskConical } from "lucide-react";
import { useApi } from "../api/client.ts";
import { describeError } from "../api/errors.ts";
import { useServerInfo } from "../api/server-info.ts";
import { Button } from "../ui/button.tsx";
import { classes } from "../ui/classes.ts";
import { LoadError, Notice, Skeleton } from "../ui/feedback.tsx";
import { Card, Section } from "../ui/layout.tsx";
import { FORMS, HOST_KINDS, howToSet } from "./credential-words.ts";

const Status = ({ isSet }: { isSet: boolean }) => (
  <span
    className={classes(
      "inline-flex h-6 shrink-0 items-center gap-1.5 rounded-full px-2.5 text-xs font-medium",
      isSet ? "bg-ok-soft text-ok" : "bg-hover text-ink-soft",
    )}
  >
    {isSet ? <CircleCheck aria-hidden className="size-3.5" /> : <CircleDashed aria-hidden className="size-3.5" />}
    {isSet ? "Configured" : "Not configured"}
  </span>
);

const Tested = ({ works, sentence }: { works: boolean; sentence: string }) => (
  <p className={classes("flex items-start gap-1.5 [overflow-wrap:anywhere]", works ? "text-ok" : "text-bad")}>
    {works ? (
      <CircleCheck aria-hidden className="mt-0.5 size-4 shrink-0" />
    ) : (
      <CircleAlert aria-hidden className="mt-0.5 size-4 shrink-0" />
    )}
    {sentence}
  </p>
);

const Row = ({ credential }: { credential: Credential }) => {
  const { trpc } = useApi();
  const test = useMutation(trpc.server.testCredential.mutationOptions());
  const { id, kind, host, form, source } = credential;
  return (
    <li className="flex flex-col gap-2 px-4 py-3.5">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
        <div className="min-w-0 flex-1 basis-48">
          <h3 className="font-medium [overflow-wrap:anywhere]">{kind === "model" ? "Model" : host}</h3>
          <p className="text-xs text-ink-faint [overflow-wrap:anywhere]">
            {form === null ? HOST_KINDS[kind] : `${FORMS[form]} from ${source}`}
            {kind === "model" && form !== null && `, for ${host}`}
          </p>
        </div>
        <Status isSet={form !== null} />
        {form !== null && (
          <Button
            size="sm"
            busy={test.isPending}
            aria-label={`Test the credential for ${kind === "model" ? "the model" : host}`}
            onClick={() => test.mutate({ id })}
          >
            Test
          </Button>
        )}
      </div>
      {form === null && <p className="text-pretty text-ink-soft [overflow-wrap:anywhere]">{howToSet(credential)}</p>}
      <div role="status" className="empty:-mt-2">
        {test.data !== undefined && <Tested {...test.data} />}
        {test.error !== null && <Tested works={false} sentence={describeError(test.error)} />}
      </div>
    </li>
  );
};

/** Which credentials the server was started with, and whether the other side takes them. No value is ever here. */
export const Credentials = () => {
  const { trpc } = useApi();
  const isDemo = useServerInfo()?.demo === true;
  const credentials = useQuery(trpc.server.credentials.queryOptions(undefined, { staleTime: 60_000 }));
  return (
    <Section heading="Credentials">
      <p className="max-w-2xl text-pretty text-ink-soft">
        They come by variables of the server’s environment when it starts, and stay with it: no sandbox and no page ever has one.
        To change one, set the variable and start the server again; runs that go on are taken up.
      </p>
      {isDemo && (
        <Notice icon={FlaskConical}>
          <p>This is demo mode: without a key for the model, runs talk to the built-in scripted model.</p>
        </Notice>
      )}
      <Card className="overflow-hidden">
        {credentials.data !== undefined ? (
          <ul className="divide-y divide-line">
            {credentials.data.map((credential) => (
              <Row key={credential.id} credential={credential} />
            ))}
          </ul>
        ) : credentials.error === null ? (
          <Skeleton />
        ) : (
          <LoadError error={credentials.error} onRetry={() => credentials.refetch()} />
        )}
      </Card>
      <p className="text-xs text-pretty text-ink-faint">
        A test costs nothing: the model is asked to count the tokens of one word, and a host whose the token is. Other hosts
        (GitLab, Gitea, Forgejo, GitHub Enterprise) stand in a file that <code className="code">CCR_GIT_HOSTS</code> names.
      </p>
    </Section>
  );
};
