import { Bell } from "lucide-react";
import { Button } from "../ui/button.tsx";
import { useStored } from "../ui/stored.ts";
import { useToasts } from "../ui/toast.tsx";
import { askPermission, usePermission } from "./permission.ts";
import { hintAnswered, notificationSettings } from "./settings.ts";

/** On the page of a run, until it was answered once: offers to tell what happens to runs while nobody looks. */
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
      className="fixed right-4 bottom-18 z-30 flex w-[min(22rem,calc(100vw-2rem))] flex-col gap-2.5 rounded-xl border border-line bg-surface p-4 shadow-float lg:bottom-4"
    >
      <p className="flex items-start gap-2.5">
        <Bell aria-hidden className="mt-0.5 size-4 shrink-0 text-accent" />
        <span>Be told when a run needs you or ends badly while you are elsewhere?</span>
      </p>
      <div className="flex flex-wrap justify-end gap-2">
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
