import { checkoutsOf, type RunCheckout } from "@ccr/protocol";

type Repositories = Parameters<typeof checkoutsOf>[0];

/** Lists of more repositories than this scroll. */
export const MANY_REPOSITORIES = 3;

/** A repository and what is checked out of it: `acme/api@main`. Pure. */
export const repositoryAt = ({ repository, ref }: Pick<RunCheckout, "repository" | "ref">): string =>
  ref === null ? repository : `${repository}@${ref}`;

/** The repositories of a run, the first one first. Pure. */
export const describeRepositories = (run: Repositories): string => checkoutsOf(run).map(repositoryAt).join(", ");

/** How many there are beside the first one: `+ 1 more`; empty where it is alone. Pure. */
export const otherRepositories = ({ additionalRepositories }: Pick<Repositories, "additionalRepositories">): string =>
  additionalRepositories.length === 0 ? "" : `+ ${additionalRepositories.length} more`;
