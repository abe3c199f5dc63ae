import { PERMISSION_MODES, PermissionMode, type Question, type Run, type RunInput } from "@ccr/protocol";
import { MessageCircleQuestion, PauseCircle, ScrollText, ShieldQuestion } from "lucide-react";
import { type ReactNode, useId } from "react";
import { z } from "zod";
import { Button } from "../../ui/button.tsx";
import { useDraft } from "../../ui/draft.ts";
import { Field, GrowingTextArea, Select, TextInput } from "../../ui/field.tsx";
import { Ago } from "../../ui/time.tsx";
import { Markdown } from "../transcript/markdown.tsx";
import type { useTalk } from "./use-talk.ts";
import { type Asked, answersOf, askedIn, type Chosen, isBeingAnswered, MODE_LABELS, planIn, subjectOf } from "./words.ts";

type Talk = ReturnType<typeof useTalk>;
type Props = { run: Run; question: Question; talk: Talk; isBusy: boolean };

const Card = ({
  icon: Icon,
  title,
  at,
  children,
}: {
  icon: typeof ShieldQuestion;
  title: string;
  at: string;
  children: ReactNode;
}) => (
  <section aria-label={title} className="flex flex-col gap-2.5 rounded-lg border border-warn bg-surface p-3 shadow-card sm:p-3.5">
    <h3 className="flex items-start gap-2 font-medium">
      <Icon aria-hidden className="mt-0.5 size-4 shrink-0 text-warn" />
      <span className="min-w-0 flex-1 [overflow-wrap:anywhere]">{title}</span>
      <span className="shrink-0 text-2xs font-normal text-ink-faint">
        <Ago at={at} />
      </span>
    </h3>
    {children}
  </section>
);

/** On a small screen they stay in sight, however long what is asked is. */
const Buttons = ({ children }: { children: ReactNode }) => (
  <div className="sticky -bottom-2.5 -my-1 flex flex-wrap items-center gap-2 bg-surface py-1">{children}</div>
);

/** What is being answered and was not sent, kept over a change of tab and a reload. */
const useAnswering = <T,>({ questionId }: Question, schema: z.ZodType<T>) => useDraft(`ccr.draft.answer.${questionId}`, schema);

const Permission = ({ run, question, talk, isBusy }: Props) => {
  const [why, setWhy] = useAnswering(question, z.string());
  const subject = subjectOf(question);
  const answer = (given: Parameters<Talk["answer"]["mutate"]>[0]["answer"]): void =>
    talk.answer.mutate({ id: run.id, questionId: question.questionId, answer: given });
  return (
    <Card icon={ShieldQuestion} title={`Claude Code asks whether it may use ${question.toolName ?? "a tool"}`} at={question.at}>
      {question.description !== null && <p className="text-ink-soft [overflow-wrap:anywhere]">{question.description}</p>}
      {subject !== null && subject !== question.description && (
        <pre className="code max-h-48 overflow-auto rounded-md bg-sunken px-2.5 py-2 whitespace-pre-wrap [overflow-wrap:anywhere]">
          {subject}
        </pre>
      )}
      {why === null ? (
        <Buttons>
          <Button tone="primary" busy={isBusy} onClick={() => answer({ kind: "allow", always: false })}>
            Allow
          </Button>
          {question.canBeAlways && (
            <Button disabled={isBusy} onClick={() => answer({ kind: "allow", always: true })}>
              Allow the like from now on
            </Button>
          )}
          <Button tone="danger" disabled={isBusy} onClick={() => setWhy("")}>
            Do not allow…
          </Button>
        </Buttons>
      ) : (
        <Refusal
          label="What it should do instead"
          action="Do not allow"
          text={why}
          isBusy={isBusy}
          onChange={setWhy}
          onSend={() => answer({ kind: "deny", message: why })}
          onBack={() => setWhy(null)}
        />
      )}
    </Card>
  );
};

/** Words that go with a refusal. */
const Refusal = ({
  label,
  action,
  text,
  isBusy,
  onChange,
  onSend,
  onBack,
}: {
  label: string;
  action: string;
  text: string;
  isBusy: boolean;
  onChange: (text: string) => void;
  onSend: () => void;
  onBack: () => void;
}) => (
  <div className="flex flex-col gap-2">
    <Field label={`${label} (may be left empty)`}>
      {(parts) => (
        <GrowingTextArea {...parts} autoFocus value={text} onChange={({ target }) => onChange(target.value)} rows={2} />
      )}
    </Field>
    <Buttons>
      <Button tone="danger" busy={isBusy} onClick={onSend}>
        {action}
      </Button>
      <Button tone="ghost" onClick={onBack}>
        Back
      </Button>
    </Buttons>
  </div>
);

const PlanAnswer = z.object({ why: z.string().nullable(), mode: PermissionMode });

const Plan = ({ run, question, talk, isBusy }: Props) => {
  const first = { why: null, mode: run.permissionMode === "plan" ? "acceptEdits" : run.permissionMode } as const;
  const [kept, keep] = useAnswering(question, PlanAnswer);
  const { why, mode } = kept ?? first;
  const setWhy = (next: string | null): void => keep({ mode, why: next });
  const plan = planIn(question);
  const answer = (given: Parameters<Talk["answer"]["mutate"]>[0]["answer"]): void =>
    talk.answer.mutate({ id: run.id, questionId: question.questionId, answer: given });
  return (
    <Card icon={ScrollText} title="Claude Code has made a plan, and asks whether to go on with it" at={question.at}>
      {plan === null ? (
        <p className="text-ink-soft">The plan stands in the transcript.</p>
      ) : (
        <div
          // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
          tabIndex={0}
          className="inset-ring-focus max-h-[38vh] overflow-y-auto rounded-md bg-sunken px-3 py-2"
        >
          <Markdown text={plan} />
        </div>
      )}
      {why === null ? (
        <Buttons>
          <Button tone="primary" busy={isBusy} onClick={() => answer({ kind: "allow", permissionMode: mode })}>
            Approve the plan
          </Button>
          <Field label="After that" hideLabel>
            {(parts) => (
              <Select
                {...parts}
                value={mode}
                onChange={({ target }) => keep({ why, mode: PERMISSION_MODES.find((known) => known === target.value) ?? mode })}
              >
                {PERMISSION_MODES.filter((each) => each !== "plan").map((each) => (
                  <option key={each} value={each}>
                    Then it {MODE_LABELS[each].label.toLowerCase()}
                  </option>
                ))}
              </Select>
            )}
          </Field>
          <Button disabled={isBusy} onClick={() => setWhy("")}>
            Keep planning…
          </Button>
        </Buttons>
      ) : (
        <Refusal
          label="What should be different"
          action="Keep planning"
          text={why}
          isBusy={isBusy}
          onChange={setWhy}
          onSend={() => answer({ kind: "deny", message: why })}
          onBack={() => setWhy(null)}
        />
      )}
    </Card>
  );
};

const Options = ({ asked, chosen, onChange }: { asked: Asked; chosen: Chosen; onChange: (chosen: Chosen) => void }) => {
  const name = useId();
  const { question, header, isMultiple, options } = asked;
  const toggle = (label: string): void => {
    const has = chosen.labels.includes(label);
    if (isMultiple)
      onChange({ ...chosen, labels: has ? chosen.labels.filter((each) => each !== label) : [...chosen.labels, label] });
    // One's own words are the one answer, or none of it.
    else onChange({ labels: [label], other: "" });
  };
  return (
    <fieldset className="flex min-w-0 flex-col gap-1.5">
      <legend className="mb-1 flex flex-wrap items-baseline gap-x-2 [overflow-wrap:anywhere]">
        {header !== "" && <span className="rounded bg-hover px-1.5 py-0.5 text-2xs font-medium text-ink-soft">{header}</span>}
        {question}
        {isMultiple && <span className="text-xs text-ink-faint">Choose all that apply.</span>}
      </legend>
      <div className="grid gap-1.5 sm:grid-cols-2">
        {options.map(({ label, description }) => (
          <label
            key={label}
            className="flex min-w-0 cursor-pointer items-start gap-2.5 rounded-md border border-line px-2.5 py-1.5 hover:bg-hover has-checked:border-accent has-checked:bg-accent-soft"
          >
            <input
              type={isMultiple ? "checkbox" : "radio"}
              name={name}
              checked={chosen.labels.includes(label)}
              onChange={() => toggle(label)}
              className="mt-0.5 size-4 shrink-0 accent-accent"
            />
            <span className="flex min-w-0 flex-col">
              <span className="font-medium [overflow-wrap:anywhere]">{label}</span>
              {description !== "" && <span className="text-xs text-ink-soft [overflow-wrap:anywhere]">{description}</span>}
            </span>
          </label>
        ))}
      </div>
      <TextInput
        aria-label={`Another answer: ${question}`}
        placeholder="Something else"
        value={chosen.other}
        onChange={({ target }) => onChange({ labels: isMultiple ? chosen.labels : [], other: target.value })}
      />
    </fieldset>
  );
};

const ChosenByQuestion = z.array(z.tuple([z.string(), z.object({ labels: z.array(z.string()).readonly(), other: z.string() })]));
const NOTHING: Chosen = { labels: [], other: "" };

const ChoiceCard = ({ run, question, talk, isBusy }: Props) => {
  const [kept, keep] = useAnswering(question, ChosenByQuestion);
  const chosen: ReadonlyMap<string, Chosen> = new Map(kept);
  const asked = askedIn(question);
  const answers = answersOf(asked, chosen);
  const { questionId } = question;
  return (
    <Card
      icon={MessageCircleQuestion}
      title={asked.length > 1 ? `Claude Code has ${asked.length} questions` : "Claude Code has a question"}
      at={question.at}
    >
      {asked.length === 0 && (
        <p className="text-ink-soft">The question stands in the transcript; it is too long to be shown here.</p>
      )}
      {asked.map((each) => (
        <Options
          key={each.question}
          asked={each}
          chosen={chosen.get(each.question) ?? NOTHING}
          onChange={(next) => keep([...new Map(chosen).set(each.question, next)])}
        />
      ))}
      <Buttons>
        <Button
          tone="primary"
          busy={isBusy}
          disabled={answers === null || asked.length === 0}
          onClick={() => {
            if (answers !== null) talk.answer.mutate({ id: run.id, questionId, answer: { kind: "choose", answers } });
          }}
        >
          Answer
        </Button>
        <Button
          disabled={isBusy}
          onClick={() =>
            talk.answer.mutate({
              id: run.id,
              questionId,
              answer: { kind: "deny", message: "The person leaves this to you: decide by yourself, and say what you decided." },
            })
          }
        >
          Let it decide
        </Button>
      </Buttons>
    </Card>
  );
};

const Interrupted = ({ run, question, talk, isBusy }: Props) => (
  <Card icon={PauseCircle} title="Claude Code was interrupted, and waits for you" at={question.at}>
    <p className="text-ink-soft">Say below what it is to do instead, or let it go on.</p>
    <Buttons>
      <Button
        busy={isBusy || talk.say.isPending}
        onClick={() =>
          talk.say.mutate({
            id: run.id,
            text: "Go on with what you were doing.",
            idempotencyKey: question.questionId,
          })
        }
      >
        Let it go on
      </Button>
    </Buttons>
  </Card>
);

const cardOf = (props: Props): ReactNode => {
  switch (props.question.kind) {
    case "permission":
      return <Permission {...props} />;
    case "choice":
      return <ChoiceCard {...props} />;
    case "plan":
      return <Plan {...props} />;
    case "interrupted":
      return <Interrupted {...props} />;
  }
};

/** What the agent waits to be told, each with the ways to answer it. */
export const Questions = ({ run, inputs, talk }: { run: Run; inputs: readonly RunInput[]; talk: Talk }) => (
  <div role="alert" className="flex flex-col gap-2 empty:hidden">
    {run.questions.map((question) => (
      <div key={question.questionId} data-question tabIndex={-1} className="rounded-lg">
        {cardOf({ run, question, talk, isBusy: isBeingAnswered(inputs, question.questionId) })}
      </div>
    ))}
  </div>
);
