import { describeError } from "../api/errors.ts";
import { Button } from "./button.tsx";

type Pages = {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  isFetchNextPageError: boolean;
  error: unknown;
  fetchNextPage: () => unknown;
};

/** Asks for the next part of a list, and says why it did not come; nothing where there is none. */
export const ShowMore = ({ pages, label = "Show more" }: { pages: Pages; label?: string }) =>
  pages.hasNextPage && (
    <div className="flex flex-col items-center gap-1.5">
      {pages.isFetchNextPageError && (
        <p role="alert" className="text-xs text-bad [overflow-wrap:anywhere]">
          {describeError(pages.error)}
        </p>
      )}
      <Button busy={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
        {label}
      </Button>
    </div>
  );
