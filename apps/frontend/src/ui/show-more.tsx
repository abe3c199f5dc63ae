import { useState } from "react";
import { describeError } from "../api/errors.ts";
import { Button } from "./button.tsx";

type Result = { isFetchNextPageError: boolean; error: unknown; data?: { pages: readonly unknown[] } | undefined };
type Pages = Result & { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => Promise<Result> };

/** That the whole list is read again breaks the question off: it is put once more then. */
const ASKED_MOST = 3;

const ask = async (pages: Pages): Promise<Result> => {
  const before = pages.data?.pages.length ?? 0;
  for (let times = 1; ; times++) {
    const result = await pages.fetchNextPage();
    const isThere = (result.data?.pages.length ?? 0) > before;
    if (isThere || result.isFetchNextPageError || times === ASKED_MOST) return result;
  }
};

/** Asks for the next part of a list, and says why it did not come until it is asked again; nothing where there is none. */
export const ShowMore = ({ pages, label = "Show more" }: { pages: Pages; label?: string }) => {
  // The list itself forgets it as soon as it is read again.
  const [failed, setFailed] = useState<Result | null>(null);
  if (!pages.hasNextPage) return null;
  const onAsk = (): void => {
    setFailed(null);
    void ask(pages).then((result) => setFailed(result.isFetchNextPageError ? result : null));
  };
  const isTold = failed !== null && failed.data === pages.data && !pages.isFetchingNextPage;
  return (
    <div className="flex flex-col items-center gap-1.5">
      {isTold && (
        <p role="alert" className="text-xs text-bad [overflow-wrap:anywhere]">
          {describeError(failed.error)}
        </p>
      )}
      <Button busy={pages.isFetchingNextPage} onClick={onAsk}>
        {label}
      </Button>
    </div>
  );
};
