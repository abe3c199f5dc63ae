import { Component, type ErrorInfo, type ReactNode, Suspense } from "react";

/** What broke, and where in the page. */
export type Failure = { error: unknown; stack: string };

type Props = {
  name: string;
  children: ReactNode;
  /** A change of it tries again. */
  resetKey?: string | undefined;
  /** What is shown instead, with the way to try again. */
  instead: (failure: Failure, retry: () => void) => ReactNode;
  /** Told of each failure. */
  onFailed?: ((error: unknown, retry: () => void) => void) | undefined;
};

/** Keeps a failure inside of one part of the page: the rest goes on. */
export class Boundary extends Component<Props, { failure: Failure | null }> {
  override state: { failure: Failure | null } = { failure: null };

  static getDerivedStateFromError(error: unknown): { failure: Failure } {
    return { failure: { error, stack: "" } };
  }

  readonly #retry = (): void => this.setState({ failure: null });

  override componentDidCatch(error: unknown, info: ErrorInfo): void {
    const { name, onFailed } = this.props;
    console.error(`The ${name} failed`, error, info.componentStack);
    this.setState({ failure: { error, stack: info.componentStack ?? "" } });
    onFailed?.(error, this.#retry);
  }

  override componentDidUpdate(previous: Props): void {
    if (this.state.failure !== null && previous.resetKey !== this.props.resetKey) this.#retry();
  }

  override render(): ReactNode {
    const { failure } = this.state;
    return failure === null ? this.props.children : this.props.instead(failure, this.#retry);
  }
}

const QUIET_RETRY_MS = 30_000;
const tryLater = (_error: unknown, retry: () => void): void => void setTimeout(retry, QUIET_RETRY_MS);

/**
 * A part of the page that may still have to be fetched, and in whose place nothing is shown when it fails: somebody else is told with `onFailed`, or it
 * tries again by itself after half a minute.
 */
export const QuietPart = ({
  name,
  resetKey,
  loading = null,
  onFailed = tryLater,
  children,
}: Pick<Props, "name" | "resetKey" | "onFailed" | "children"> & { loading?: ReactNode }) => (
  <Boundary name={name} resetKey={resetKey} instead={() => null} onFailed={onFailed}>
    <Suspense fallback={loading}>{children}</Suspense>
  </Boundary>
);
