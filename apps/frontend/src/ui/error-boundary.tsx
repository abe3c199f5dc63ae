import { Component, type ErrorInfo, type ReactNode } from "react";
import { LoadError } from "./feedback.tsx";

type Props = { name: string; children: ReactNode /** A change of it tries again. */; resetKey?: string };
type State = { error: unknown; failed: boolean };

/** Keeps a failure inside of one panel: the rest of the page goes on. */
export class ErrorBoundary extends Component<Props, State> {
  override state: State = { error: null, failed: false };

  static getDerivedStateFromError(error: unknown): State {
    return { error, failed: true };
  }

  override componentDidCatch(error: unknown, info: ErrorInfo): void {
    console.error(`The ${this.props.name} failed`, error, info.componentStack);
  }

  override componentDidUpdate(previous: Props): void {
    if (this.state.failed && previous.resetKey !== this.props.resetKey) this.setState({ error: null, failed: false });
  }

  override render(): ReactNode {
    if (!this.state.failed) return this.props.children;
    const retry = (): void => this.setState({ error: null, failed: false });
    return <LoadError title={`The ${this.props.name} could not be shown`} error={this.state.error} onRetry={retry} />;
  }
}
