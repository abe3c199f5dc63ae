import { Bell } from "lucide-react";
import { Button } from "../ui/button.tsx";
import { useStored } from "../ui/stored.ts";
import { useToasts } from "../ui/toast.tsx";
import { askPermission, usePermission } from "./permission.ts";
import { hintAnswered, notificationSettings } from "./settings.ts";

/** On the page of a run, until it was answered once: offers to tell what happens to runs while nobody looks. It stands below the page, and covers none of it. */
export const Hint = ({ path }: { path: string }) => {
  const permission = usePermission();
  const toasts = useToasts();
  const [isAnswered, setAnswered] = useStored(hintAnswered);
  const [settings, setSettings] = useStored(notificationSettings);
  if (isAnswered || permission !== "default" || !path.startsWith("/runs/")) return null;
  const allow = async (): Promise<void> => {
    setAnswered(true);
    const given = await askPermission();
    setSettings({ ...settings, desktop: given === "granted" });
    if (given === "granted")
      toasts.ok("You will be told, also while this page is in the background. Settings has the choice of what.");
  };
  return (
    <aside
      aria-label="Notifications"
      className="flex shrink-0 flex-wrap items-center gap-x-4 gap-y-2 border-t border-line bg-surface px-4 py-2 sm:px-5"
    >
      <p className="flex min-w-60 flex-1 items-start gap-2.5">
        <Bell aria-hidden className="mt-0.5 size-4 shrink-0 text-accent" />
        <span>Be told when a run needs you or ends badly while you are elsewhere?</span>
      </p>
      <div className="flex flex-wrap gap-2">
        <Button size="sm" onClick={() => setAnswered(true)}>
          Not now
        </Button>
        <Button size="sm" tone="primary" onClick={() => void allow()}>
          Tell me
        </Button>
      </div>
    </aside>
  );
};
