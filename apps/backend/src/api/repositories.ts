import { ListBranchesInput, SearchRepositoriesInput } from "@ccr/protocol";
import { procedure, router } from "./trpc.ts";

export const repositoriesRouter = router({
  recent: procedure.query(({ ctx }) => ctx.repositories.recent()),
  branches: procedure
    .input(ListBranchesInput)
    .query(({ ctx, input, signal }) => ctx.repositories.branches(input.repository, signal ?? new AbortController().signal)),
  search: procedure
    .input(SearchRepositoriesInput)
    .query(({ ctx, input, signal }) => ctx.repositories.search(input, signal ?? new AbortController().signal)),
});
