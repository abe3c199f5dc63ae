import { Link } from "@tanstack/react-router";
import { Compass } from "lucide-react";
import { buttonClasses } from "../ui/button.tsx";
import { EmptyState } from "../ui/feedback.tsx";

/** For an address, a task or a run that is not there. */
export const NotFound = ({
  what = "page",
  to = "/",
  label = "Go home",
}: {
  what?: "page" | "task" | "run" | "batch" | "environment";
  to?: "/" | "/tasks" | "/runs" | "/batches" | "/environments";
  label?: string;
}) => (
  <div className="grid h-full place-items-center">
    <title>Not found – claude-code-runner</title>
    <EmptyState
      icon={Compass}
      title={`There is no such ${what}`}
      action={
        <Link to={to} className={buttonClasses("primary")}>
          {label}
        </Link>
      }
    >
      {what === "task" || what === "environment" ? "It may have been deleted, or the address" : "The address"} was cut or changed
      when it was copied.
    </EmptyState>
  </div>
);
