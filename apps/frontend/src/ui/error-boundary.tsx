import { Component, type ErrorInfo, type ReactNode } from "react";
import { errorDetails } from "./error-details.ts";
import { LoadError } from "./feedback.tsx";

type Props = { name: string; children: ReactNode /** A change of it tries again. */; resetKey?: string };
type State = { error: unknown; failed: boolean; stack: string };

/** Keeps a failure inside of one panel: the rest of the page goes on. It says what broke, tries again, and gives what helps to find the cause. */
export class ErrorBoundary extends Component<Props, State> {
  override state: State = { error: null, failed: false, stack: "" };

  static getDerivedStateFromError(error: unknown): Partial<State> {
    return { error, failed: true };
  }

  override componentDidCatch(error: unknown, info: ErrorInfo): void {
    console.error(`The ${this.props.name} failed`, error, info.componentStack);
    this.setState({ stack: info.componentStack ?? "" });
  }

  override componentDidUpdate(previous: Props): void {
    if (this.state.failed && previous.resetKey !== this.props.resetKey) this.setState({ error: null, failed: false, stack: "" });
  }

  override render(): ReactNode {
    const { error, failed, stack } = this.state;
    if (!failed) return this.props.children;
    const { name } = this.props;
    return (
      <LoadError
        title={`The part “${name}” could not be shown`}
        error={error}
        onRetry={() => this.setState({ error: null, failed: false, stack: "" })}
        details={() => errorDetails({ name, error, stack })}
      />
    );
  }
}
