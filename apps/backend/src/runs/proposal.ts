import { CheckResult, type Message, parseChecks, type Run, type RunUsage } from "@ccr/protocol";
import type { Transcript } from "../store/types.ts";

/*
 * What stands in the commit and in the pull request of a run's result: what was asked, what was done, which checks passed, what it cost, and
 * where to read it all.
 */

export type CheckFact = { stepIndex: number; what: string; passed: boolean };

/** What a transcript says of a run's result: the agent's last word on each step, and its last attempt's checks. */
export type ResultFacts = { said: string | null; checks: CheckFact[] };

// The end of a transcript tells of the last attempts; longer ones are told of with fewer checks.
const LOOKED_AT = 5000;
const PAGE = 1000;
const SAID_MAX = 6000;
const ASKED_MAX = 3000;
const CHECKS_MAX = 50;
const SUBJECT_MAX = 72;

/** Reads the facts of one message into what was known before it. Pure. */
export const withFact = (facts: ResultFacts, { source, body }: Message): ResultFacts => {
  if (source !== "runner") return facts;
  switch (body.type) {
    case "execution_ended":
      return body.outcome.kind === "completed" && body.outcome.verdict === undefined && body.outcome.text.trim() !== ""
        ? { ...facts, said: body.outcome.text }
        : facts;
    case "step_started":
      return { ...facts, checks: facts.checks.filter(({ stepIndex }) => stepIndex !== body.stepIndex) };
    case "check_finished": {
      const { command, passed } = CheckResult.parse(body.result);
      return { ...facts, checks: [...facts.checks, { stepIndex: body.stepIndex, what: command, passed }] };
    }
    case "judge_finished":
      return body.verdict === null
        ? facts
        : { ...facts, checks: [...facts.checks, { stepIndex: body.stepIndex, what: "", passed: body.verdict.passed }] };
    default:
      return facts;
  }
};

/** Reads the end of a run's transcript. */
export const readFacts = async (transcript: Pick<Transcript, "read">, run: Pick<Run, "id" | "lastSeq">): Promise<ResultFacts> => {
  let facts: ResultFacts = { said: null, checks: [] };
  for (let after = Math.max(0, run.lastSeq - LOOKED_AT); ; ) {
    const page = await transcript.read(run.id, { after, limit: PAGE });
    const last = page.at(-1);
    if (last === undefined) return facts;
    facts = page.reduce(withFact, facts);
    after = last.seq;
  }
};

const shorten = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, most).replace(/[\ud800-\udbff]$/, "")}…`;

/** Nobody is called by what an agent, or a file that it read, says: an @ before a name has a character in between that is not seen. */
const uncalling = (text: string): string => text.replaceAll(/@(?=[\w-])/g, "@\u200b");

const quoted = (text: string): string =>
  text
    .split(/\r?\n/)
    .map((line) => `> ${line}`.trimEnd())
    .join("\n");

const inCode = (text: string): string => {
  const fence = "`".repeat(Math.max(0, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length)) + 1);
  const padding = text.startsWith("`") || text.endsWith("`") ? " " : "";
  return `${fence}${padding}${text.replaceAll("|", "\\|").replaceAll(/\s+/g, " ")}${padding}${fence}`;
};

/** The subject of the commit and the title of the request. Pure. */
export const titleOf = (run: Pick<Run, "taskName" | "delivery">): string =>
  (run.delivery?.title ?? run.taskName).replaceAll(/\s+/g, " ").trim();

/** The trailer by which a commit leads to its run. Pure. */
export const trailerOf = (link: string): string => `Claude-Code-Run: ${link}`;

/** The message of the commit that holds what the agent did not commit itself. `link` is where the run can be looked at. Pure. */
export const commitMessage = (run: Pick<Run, "taskName" | "delivery" | "steps">, link: string): string => {
  const title = titleOf(run);
  const asked = run.steps.map(({ instructions }) => shorten(instructions.trim(), ASKED_MAX)).join("\n\n");
  return [
    shorten(title, SUBJECT_MAX),
    "",
    ...(title.length > SUBJECT_MAX ? [title, ""] : []),
    uncalling(asked),
    "",
    trailerOf(link),
  ].join("\n");
};

const money = ({ costUsd }: RunUsage): string => (costUsd < 0.01 && costUsd > 0 ? "less than $0.01" : `$${costUsd.toFixed(2)}`);

const checkRows = (steps: Run["steps"], checks: readonly CheckFact[]): string[] => {
  if (checks.length === 0) return ["None of the steps has checks."];
  const rows = checks.slice(0, CHECKS_MAX).map(({ stepIndex, what, passed }) => {
    const prose = parseChecks(steps[stepIndex]?.checks ?? "").prose;
    const shown =
      what === "" ? uncalling(shorten(prose.replaceAll(/\s+/g, " ").replaceAll("|", "\\|"), 300)) : inCode(shorten(what, 300));
    return `| ${stepIndex + 1} | ${shown} | ${passed ? "passed" : "**did not pass**"} |`;
  });
  const more = checks.length > CHECKS_MAX ? [`| | and ${checks.length - CHECKS_MAX} more | |`] : [];
  return ["| Step | Check | Result |", "| --- | --- | --- |", ...rows, ...more];
};

/** A pull request of the same result in another repository. */
export type Linked = { repository: string; url: string };

const linkRow = ({ repository, url }: Linked): string => `- ${inCode(repository)}: ${url}`;

/** The text of a pull request for a run's result. Pure. */
export const requestBody = (
  run: Pick<Run, "id" | "steps" | "usage" | "model">,
  { facts, link, outcome, linked }: { facts: ResultFacts; link: string; outcome: string; linked: readonly Linked[] },
): string => {
  const asked = run.steps.map(({ instructions }, index) => {
    const text = quoted(uncalling(shorten(instructions.trim(), ASKED_MAX)));
    return run.steps.length === 1 ? text : `**Step ${index + 1}**\n\n${text}`;
  });
  return [
    ...(facts.said === null ? [] : [uncalling(shorten(facts.said.trim(), SAID_MAX)), ""]),
    ...(linked.length === 0 ? [] : ["### Belongs together with", "", ...linked.map(linkRow), ""]),
    "### What was asked",
    "",
    asked.join("\n\n"),
    "",
    "### Checks",
    "",
    ...checkRows(run.steps, facts.checks),
    "",
    "---",
    `${outcome} It cost ${money(run.usage)} in ${run.usage.turns} ${run.usage.turns === 1 ? "turn" : "turns"}. Made by [claude-code-runner, ${run.id}](${link}).`,
    "",
  ].join("\n");
};
