import { type ReactNode, Suspense } from "react";
import { Boundary } from "./boundary.tsx";
import { errorDetails } from "./error-details.ts";
import { LoadError } from "./feedback.tsx";

type Props = { name: string; children: ReactNode /** A change of it tries again. */; resetKey?: string };

/** Keeps a failure inside of one panel: the rest of the page goes on. It says what broke, tries again, and gives what helps to find the cause. */
export const ErrorBoundary = ({ name, resetKey, children }: Props) => (
  <Boundary
    name={name}
    resetKey={resetKey}
    instead={(failure, retry) => (
      <LoadError
        title={`The part “${name}” could not be shown`}
        error={failure.error}
        onRetry={retry}
        details={() => errorDetails({ name, ...failure })}
      />
    )}
  >
    {children}
  </Boundary>
);

/** A panel that may still have to be fetched; `loading` is shown until it is there. */
export const Part = ({ loading = null, children, ...boundary }: Props & { loading?: ReactNode }) => (
  <ErrorBoundary {...boundary}>
    <Suspense fallback={loading}>{children}</Suspense>
  </ErrorBoundary>
);
