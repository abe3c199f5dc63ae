import { readFile } from "node:fs/promises";
import { z } from "zod";

/**
 * Text that stands in a scenario, or is made: `{ "lines": ["a", "b"] }` joins lines, `{ "repeat": "ab", "times": 3 }` makes long texts.
 * Each may hold the insertions `{{userText}}`, `{{lastToolResult}}`, `{{cwd}}`, `{{model}}`, `{{match.1}}` (a group of the rule's `matches`)
 * and `{{remembered.name}}` (see the rule's `remember`).
 */
export const ScriptedText = z.union([
  z.string(),
  z.strictObject({ lines: z.array(z.string()) }),
  z.strictObject({ repeat: z.string().min(1), times: z.number().int().min(1).max(100_000_000) }),
]);
export type ScriptedText = z.infer<typeof ScriptedText>;

const Pattern = z.string().refine((source) => {
  try {
    new RegExp(source);
    return true;
  } catch {
    return false;
  }
}, "is not a regular expression");

/** All that are given must hold. */
const Condition = z
  .strictObject({
    /** In the newest tool results, as text. */
    toolResultContains: z.string().min(1).optional(),
    toolResultMatches: Pattern.optional(),
    /** Whether any of the newest tool results is an error. */
    toolFailed: z.boolean().optional(),
    /** Whether the client offers this tool. */
    toolOffered: z.string().min(1).optional(),
  })
  .refine((condition) => Object.keys(condition).length > 0, "a condition needs at least one of its fields");
export type Condition = z.infer<typeof Condition>;

/** A block with `when` is left out unless its condition holds. */
const Block = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("text"), text: ScriptedText, when: Condition.optional() }),
  z.strictObject({
    type: z.literal("thinking"),
    thinking: ScriptedText,
    signature: z.string().default("c2NyaXB0ZWQ="),
    when: Condition.optional(),
  }),
  z.strictObject({
    type: z.literal("tool_use"),
    name: z.string().min(1),
    /** Every string in it, at any depth, may be any kind of scripted text. */
    input: z.record(z.string(), z.unknown()).default({}),
    when: Condition.optional(),
  }),
]);
export type Block = z.infer<typeof Block>;

/** Times in milliseconds. */
const Pace = z.strictObject({
  firstByteMs: z.number().min(0).max(3_600_000).optional(),
  betweenChunksMs: z.number().min(0).max(3_600_000).optional(),
  /** How long one delta is; when left out, short enough to look live and long enough that no answer has more than 2,000 deltas. */
  chunkCharacters: z.number().int().min(1).optional(),
});
export type Pace = z.infer<typeof Pace>;

const ErrorAnswer = z.strictObject({
  status: z.number().int().min(400).max(599),
  /** Anthropic's own type and message for the status when left out. */
  type: z.string().optional(),
  message: z.string().optional(),
  retryAfterSeconds: z.number().min(0).optional(),
  headers: z.record(z.string(), z.string()).optional(),
});
export type ErrorAnswer = z.infer<typeof ErrorAnswer>;

/**
 * What goes wrong instead of an answer. `stall`: `nothing` never answers, `headers` sends the status and headers and then nothing,
 * `pings` sends keep-alives for ever. `cut` closes the connection, before the headers (`nothing`) or after them.
 */
const Failure = z.union([
  z.strictObject({ error: ErrorAnswer, delayMs: z.number().min(0).optional() }),
  z.strictObject({ stall: z.enum(["nothing", "headers", "pings"]) }),
  z.strictObject({ cut: z.enum(["nothing", "headers"]) }),
]);
export type Failure = z.infer<typeof Failure>;

const Reply = z.strictObject({
  blocks: z.array(Block),
  /** `tool_use` when a block is one, else `end_turn`. */
  stopReason: z.string().optional(),
  pace: Pace.optional(),
  /** Breaks off after so many characters of content: goes silent, closes the connection, or sends an error event. */
  breakOff: z
    .strictObject({ afterCharacters: z.number().int().min(0), how: z.union([z.enum(["stall", "cut"]), ErrorAnswer]) })
    .optional(),
});
export type Reply = z.infer<typeof Reply>;

const Alternative = z.union([
  z.strictObject({ when: Condition.optional(), ...Reply.shape }),
  z.intersection(Failure, z.object({ when: Condition.optional() })),
]);

/**
 * One answer of the model. Before it come its `faults`, each `times` times (once when left out) for each conversation. `choose` takes the
 * first alternative whose condition holds; the last one has none. `repeat` plays the turn so many times running.
 */
const Turn = z.union([
  z.strictObject({
    ...Reply.shape,
    faults: z.array(z.intersection(Failure, z.object({ times: z.number().int().min(1).optional() }))).optional(),
    repeat: z.number().int().min(1).optional(),
  }),
  Failure,
  z.strictObject({
    choose: z
      .array(Alternative)
      .min(1)
      .refine((list) => list.at(-1)?.when === undefined, "the last alternative must have no 'when', so that one always holds"),
    repeat: z.number().int().min(1).optional(),
  }),
]);
export type Turn = z.infer<typeof Turn>;

const Rule = z.strictObject({
  name: z.string().min(1).optional(),
  /** All that are given must hold; an empty match takes every request with tools. */
  match: z
    .strictObject({
      /** In the person's newest text. */
      contains: z.string().min(1).optional(),
      /** A regular expression on the person's newest text; its groups can be inserted as `{{match.1}}`. */
      matches: Pattern.optional(),
      /**
       * Which of the person's texts `contains` and `matches` are about: the newest alone, or the newest one of the conversation for which
       * they hold, so that a conversation that is gone on with under another prompt keeps its rule.
       */
      scope: z.enum(["newest", "conversation"]).default("newest"),
      /** In the name of the model. */
      model: z.string().min(1).optional(),
      /** Whether it is a side request, one without tools (titles, summaries). `either` takes both. */
      side: z.union([z.boolean(), z.literal("either")]).default(false),
    })
    .default({ side: false, scope: "newest" }),
  /**
   * What is read out of the conversation's tool results: the first group of `matches` in the newest result for which it holds, else
   * `otherwise`. The expression may hold the groups of the rule's own, as `{{match.1}}`.
   */
  remember: z
    .record(z.string().regex(/^\w+$/), z.strictObject({ matches: Pattern, otherwise: z.string().default("") }))
    .optional(),
  turns: z.array(Turn).min(1),
});
export type Rule = z.infer<typeof Rule>;

const ScenarioSchema = z.strictObject({
  name: z.string().min(1),
  description: z.string().optional(),
  pace: Pace.optional(),
  /**
   * What every answer says that it read, in place of what the request would really have cost: a client that is told of a small conversation
   * does not begin to summarise a long one.
   */
  inputTokens: z.number().int().min(0).optional(),
  /** The first rule that matches is played. */
  rules: z.array(Rule),
});
export type Scenario = z.infer<typeof ScenarioSchema>;
/** A scenario as it is written down, before defaults are filled in. */
export type ScenarioInput = z.input<typeof ScenarioSchema>;

export class ScenarioError extends Error {
  override readonly name = "ScenarioError";
}

interface Problem {
  path: readonly PropertyKey[];
  message: string;
}

/** A union's own message is "invalid input": take the words of the branch that was nearest, the one that got deepest with the fewest complaints. */
const problemsOf = (issue: z.core.$ZodIssue, above: readonly PropertyKey[] = []): Problem[] => {
  const path = [...above, ...issue.path];
  if (issue.code !== "invalid_union" || issue.errors.length === 0) return [{ path, message: issue.message }];
  const depth = (problems: readonly Problem[]) => Math.max(...problems.map((each) => each.path.length));
  const branches = issue.errors.map((issues) => issues.flatMap((each) => problemsOf(each, path)));
  const [nearest = []] = branches.sort((a, b) => depth(b) - depth(a) || a.length - b.length);
  return nearest;
};

const describe = ({ path, message }: Problem): string => {
  const place = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("");
  return place === "" ? message : `${place.replace(/^\./, "")}: ${message}`;
};

/** Checks a scenario; throws a `ScenarioError` that names `origin` and each place that is wrong. */
export const parseScenario = (value: unknown, origin = "the scenario"): Scenario => {
  const parsed = ScenarioSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues
    .flatMap((issue) => problemsOf(issue))
    .slice(0, 5)
    .map(describe);
  throw new ScenarioError(`${origin} is not a valid scenario: ${problems.join("; ")}`);
};

/** Reads a scenario file; throws a `ScenarioError` that says what is wrong with it. */
export const loadScenario = async (path: string): Promise<Scenario> => {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw new ScenarioError(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ScenarioError(`${path} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  return parseScenario(value, path);
};
