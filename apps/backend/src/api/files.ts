import { FilePathsInput, ListFilesInput } from "@ccr/protocol";
import { procedure, router } from "./trpc.ts";

export const filesRouter = router({
  list: procedure.input(ListFilesInput).query(({ ctx, input }) => ctx.files.list(input)),
  paths: procedure.input(FilePathsInput).query(({ ctx, input }) => ctx.files.paths(input)),
});
