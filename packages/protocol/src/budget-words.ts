/* Apart from the schemas, so that a page that only tells of a budget loads none of them. */

/** Money in few characters: `$20`, `$0.50`, `$1,000`. Pure. */
const dollars = (usd: number): string =>
  `$${usd.toLocaleString("en", Number.isInteger(usd) ? {} : { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;

/** Why runs wait, and until when, as the end of a sentence. Pure. */
export const holdSentence = ({ dayUsd, zone }: { dayUsd: number; zone: string }): string =>
  `the day's budget of ${dollars(dayUsd)} is used up; it goes on at 00:00 ${zone === "UTC" ? zone : `(${zone})`} or when the budget is raised`;
