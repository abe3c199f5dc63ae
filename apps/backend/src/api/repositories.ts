import { SearchRepositoriesInput } from "@ccr/protocol";
import { procedure, router } from "./trpc.ts";

export const repositoriesRouter = router({
  search: procedure
    .input(SearchRepositoriesInput)
    .query(({ ctx, input, signal }) => ctx.repositories.search(input, signal ?? new AbortController().signal)),
});
