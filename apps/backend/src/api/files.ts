import { ListFilesInput } from "@ccr/protocol";
import { procedure, router } from "./trpc.ts";

export const filesRouter = router({
  list: procedure.input(ListFilesInput).query(({ ctx, input }) => ctx.files.list(input)),
});
