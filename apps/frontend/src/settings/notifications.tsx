import { BellOff, BellRing } from "lucide-react";
import { askPermission, type Permission, usePermission } from "../notifications/permission.ts";
import { hintAnswered, notificationSettings } from "../notifications/settings.ts";
import { showNotification } from "../notifications/show.ts";
import { Button } from "../ui/button.tsx";
import { Notice } from "../ui/feedback.tsx";
import { Checkbox } from "../ui/field.tsx";
import { Card, Section } from "../ui/layout.tsx";
import { useStored } from "../ui/stored.ts";
import { useToasts } from "../ui/toast.tsx";

const WHY_NOT: Record<Exclude<Permission, "granted" | "default">, string> = {
  denied: "This browser was told not to show notifications of this page. Allow them in its settings for this address.",
  insecure:
    "Browsers show notifications only of pages on https or on localhost. The badge on the tab and messages in the page work here too.",
  none: "This browser shows no notifications of pages, as Safari on an iPhone, or some private windows. The badge on the tab and messages in the page work here too.",
};

/** What one is told of, and where. */
export const Notifications = () => {
  const toasts = useToasts();
  const permission = usePermission();
  const [settings, change] = useStored(notificationSettings);
  const [, setAnswered] = useStored(hintAnswered);
  const set = (part: Partial<typeof settings>): void => change({ ...settings, ...part });
  const setDesktop = async (wanted: boolean): Promise<void> => {
    setAnswered(true);
    if (!wanted) return set({ desktop: false });
    const given = await askPermission();
    set({ desktop: given === "granted" });
    if (given !== "granted") toasts.error(new Error(WHY_NOT.denied));
  };
  const isDesktop = settings.desktop && permission === "granted";
  const test = (): void => {
    const body = "So a run tells that it needs you.";
    showNotification({ title: "claude-code-runner", body, tag: "test", path: "/settings/notifications" }, () => {}).catch(
      toasts.error,
    );
  };
  return (
    <Section heading="Notifications">
      <Card className="flex flex-col gap-5 p-4 sm:p-5">
        <fieldset className="flex flex-col gap-3.5">
          <legend className="mb-3 text-xs font-medium text-ink-soft">Tell me when a run</legend>
          <Checkbox
            label="needs me"
            hint="It waits for an answer, or the network policy refuses what it asks for."
            checked={settings.needsYou}
            onChange={(needsYou) => set({ needsYou })}
          />
          <Checkbox
            label="ended badly"
            hint="Checks failed, a limit was reached, something was refused or lost. Not when you cancel one."
            checked={settings.endedBadly}
            onChange={(endedBadly) => set({ endedBadly })}
          />
          <Checkbox
            label="passed"
            hint="With its checks."
            checked={settings.endedWell}
            onChange={(endedWell) => set({ endedWell })}
          />
        </fieldset>
        <div className="flex flex-col gap-3 border-t border-line pt-5">
          {permission !== "granted" && permission !== "default" ? (
            <Notice icon={BellOff}>
              <p>{WHY_NOT[permission]}</p>
            </Notice>
          ) : (
            <Checkbox
              label="Also outside of the page"
              hint="By the browser, when you look at none of this page’s tabs. Each thing once, however many tabs are open."
              checked={isDesktop}
              onChange={(wanted) => void setDesktop(wanted)}
            />
          )}
          {isDesktop && (
            <div>
              <Button onClick={test}>
                <BellRing aria-hidden className="size-3.5" /> Show one
              </Button>
            </div>
          )}
        </div>
      </Card>
      <p className="text-xs text-pretty text-ink-faint">
        In the page a message is shown in the corner. The tab’s title and icon say how many things need you, as Home lists them,
        until they are seen to there. This is kept in this browser, and works as long as a tab is open.
      </p>
    </Section>
  );
};
