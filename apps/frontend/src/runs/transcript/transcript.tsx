import { isFinal, type Run } from "@ccr/protocol";
import { Hourglass } from "lucide-react";
import type { ReactNode } from "react";
import { EmptyState, LoadError, Skeleton, WaitingForServer } from "../../ui/feedback.tsx";
import type { RunStream, StreamActions } from "../page/use-run-stream.ts";
import { TranscriptList } from "./list.tsx";

/** A run's transcript, or why there is none; `tail` stands after its last entry. */
export const TranscriptView = ({
  run,
  stream,
  tail = null,
}: {
  run: Run;
  stream: RunStream & StreamActions;
  tail?: ReactNode;
}) => {
  const { transcript, connection, retry } = stream;
  if (transcript.entries.length > 0) return <TranscriptList run={run} stream={stream} tail={tail} />;
  if (connection === "offline") return <WaitingForServer onRetry={retry} />;
  if (connection === "refused") {
    return (
      <LoadError
        error={new Error(stream.problem ?? "The transcript cannot be read.")}
        onRetry={retry}
        title="The transcript cannot be read now"
      />
    );
  }
  if (connection === "loading" || connection === "reconnecting" || stream.earlier !== null) return <Skeleton rows={6} />;
  const runEnded = isFinal(run.status) || (transcript.status !== null && isFinal(transcript.status));
  return (
    <>
      <EmptyState icon={Hourglass} title={runEnded ? "Nothing was said" : "Nothing yet"}>
        {runEnded ? "The run ended before anything happened in it." : "The first message comes when the run starts."}
      </EmptyState>
      {tail}
    </>
  );
};
