import type { RequestFacts } from "./request.ts";
import { type Block, type Condition, type Failure, type Reply, type Rule, type Scenario, ScriptedText } from "./scenario.ts";

/** A block with everything filled in. */
export type PlayedBlock =
  | { type: "text"; text: string }
  | { type: "thinking"; thinking: string; signature: string }
  | { type: "tool_use"; name: string; input: Record<string, unknown> };
export type Play = { kind: "reply"; reply: Reply; blocks: PlayedBlock[] } | { kind: "failure"; failure: Failure };
export interface Choice {
  rule: string | null;
  /** The groups of the rule's `matches`, the whole match first. */
  matched: string[];
  turn: number | null;
  play: Play;
}

/** Says how often the fault at this place was played already in this conversation, and counts one more. */
export type CountFault = (place: string, limit: number) => boolean;

const holds = (condition: Condition, facts: RequestFacts): boolean =>
  (condition.toolResultContains === undefined || facts.toolResults.join("\n").includes(condition.toolResultContains)) &&
  (condition.toolResultMatches === undefined || new RegExp(condition.toolResultMatches).test(facts.toolResults.join("\n"))) &&
  (condition.toolFailed === undefined || facts.toolFailed === condition.toolFailed) &&
  (condition.toolOffered === undefined || facts.offers(condition.toolOffered));

const matchRule = ({ match }: Rule, facts: RequestFacts): string[] | null => {
  if (match.side !== "either" && match.side !== facts.side) return null;
  if (match.model !== undefined && !facts.model.includes(match.model)) return null;
  for (const text of match.scope === "newest" ? [facts.userText] : facts.userTexts) {
    if (match.contains !== undefined && !text.includes(match.contains)) continue;
    if (match.matches === undefined) return [];
    const groups = new RegExp(match.matches).exec(text);
    if (groups !== null) return groups.map((group) => group ?? "");
  }
  return null;
};

const escapePattern = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");

const recall = ({ remember = {} }: Rule, facts: RequestFacts, groups: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    Object.entries(remember).map(([name, { matches, otherwise }]) => {
      const source = matches.replace(/\{\{match\.(\d+)\}\}/g, (_, group: string) => escapePattern(groups[Number(group)] ?? ""));
      const pattern = new RegExp(source);
      const found = facts.allToolResults.map((result) => pattern.exec(result)?.[1]).find((group) => group !== undefined);
      return [name, found ?? otherwise];
    }),
  );

type Known = { facts: RequestFacts; groups: readonly string[]; remembered: Readonly<Record<string, string>> };

const insert = (text: string, { facts, groups, remembered }: Known): string =>
  text.replace(/\{\{\s*([\w.]+)\s*\}\}/g, (whole, name: string) => {
    if (name === "lastToolResult") return facts.toolResults.at(-1) ?? "";
    if (name === "userText") return facts.userText;
    if (name === "model") return facts.model;
    if (name === "cwd") return facts.workingDirectory;
    const memory = /^remembered\.(\w+)$/.exec(name)?.[1];
    if (memory !== undefined) return remembered[memory] ?? whole;
    const group = /^match\.(\d+)$/.exec(name)?.[1];
    return group === undefined ? whole : (groups[Number(group)] ?? "");
  });

const fillText = (text: ScriptedText, fill: (text: string) => string): string => {
  if (typeof text === "string") return fill(text);
  return "lines" in text ? fill(text.lines.join("\n")) : fill(text.repeat).repeat(text.times);
};

const fillValue = (value: unknown, fill: (text: string) => string): unknown => {
  if (Array.isArray(value)) return value.map((each) => fillValue(each, fill));
  const text = ScriptedText.safeParse(value);
  if (text.success) return fillText(text.data, fill);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, fillValue(each, fill)]));
};

const fillBlock = (block: Block, fill: (text: string) => string): PlayedBlock => {
  switch (block.type) {
    case "text":
      return { type: "text", text: fillText(block.text, fill) };
    case "thinking":
      return { type: "thinking", thinking: fillText(block.thinking, fill), signature: block.signature };
    case "tool_use": {
      const input = Object.entries(block.input).map(([key, value]) => [key, fillValue(value, fill)]);
      return { type: "tool_use", name: block.name, input: Object.fromEntries(input) };
    }
  }
};

const say = (rule: string | null, turn: number | null, text: string): Choice => {
  const blocks: PlayedBlock[] = [{ type: "text", text }];
  return { rule, matched: [], turn, play: { kind: "reply", reply: { blocks: [] }, blocks } };
};

const repeats = (turn: Rule["turns"][number]): number => ("blocks" in turn || "choose" in turn ? (turn.repeat ?? 1) : 1);

const nothingMatches = (scenario: Scenario, facts: RequestFacts): Choice => {
  const side = facts.side ? " It offers no tools, so only rules with side true or either were tried." : "";
  const newest =
    facts.userText === "" ? "It holds no text of a person." : `The newest text begins: ${facts.userText.slice(0, 200)}`;
  return say(
    null,
    null,
    `The scripted model has no answer to this request: none of the ${scenario.rules.length} rules of the scenario '${scenario.name}' matches.${side} ${newest}`,
  );
};

/**
 * Decides what is played. Pure but for `countFault`: the rule follows from the person's newest text, the turn from how many answers came
 * since, so the same request always gets the same answer once its faults are used up.
 */
export const choose = (scenario: Scenario, facts: RequestFacts, countFault: CountFault): Choice => {
  for (const [index, rule] of scenario.rules.entries()) {
    const groups = matchRule(rule, facts);
    if (groups === null) continue;
    const name = rule.name ?? `rules[${index}]`;
    let left = facts.turn;
    const number = rule.turns.findIndex((turn) => {
      if (left < repeats(turn)) return true;
      left -= repeats(turn);
      return false;
    });
    const turn = rule.turns[number];
    if (turn === undefined) {
      return say(name, null, `The scripted model has nothing more to say: the rule '${name}' has ${rule.turns.length} turns.`);
    }
    const known = { facts, groups, remembered: recall(rule, facts, groups) };
    const fill = (text: string) => insert(text, known);
    const matched = [...groups];
    const replyWith = (reply: Reply): Choice => ({
      rule: name,
      matched,
      turn: number,
      play: {
        kind: "reply",
        reply,
        blocks: reply.blocks
          .filter(({ when }) => when === undefined || holds(when, facts))
          .map((block) => fillBlock(block, fill)),
      },
    });
    const failWith = (failure: Failure): Choice => ({ rule: name, matched, turn: number, play: { kind: "failure", failure } });
    if ("choose" in turn) {
      const taken = turn.choose.find(({ when }) => when === undefined || holds(when, facts));
      if (taken === undefined) return nothingMatches(scenario, facts); // the schema sees to it that the last one always holds
      return "blocks" in taken ? replyWith(taken) : failWith(taken);
    }
    if (!("blocks" in turn)) return failWith(turn);
    for (const [place, fault] of (turn.faults ?? []).entries()) {
      if (countFault(`${index}/${number}+${left}/${place}`, fault.times ?? 1)) return failWith(fault);
    }
    return replyWith(turn);
  }
  return nothingMatches(scenario, facts);
};
