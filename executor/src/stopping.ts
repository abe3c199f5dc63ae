import { CcrError } from "@ccr/protocol";

/** What is told to whoever asks an executor for work that was told to end, or waits for work that it did not end with a result. */
export const stoppingError = (): CcrError =>
  new CcrError("unavailable", "The executor is being stopped and takes no more work. Ask again when it has been started anew.");
