import { chooseAppearance, useAppearance } from "../ui/appearance.ts";
import { Choice } from "../ui/choice.tsx";
import { formatMoment } from "../ui/format.ts";
import { Card, Section } from "../ui/layout.tsx";

/** How the page looks, in this browser. */
export const Appearance = () => {
  const theme = useAppearance("theme");
  const density = useAppearance("density");
  const clock = useAppearance("clock");
  const zone = useAppearance("zone");
  return (
    <Section heading="Appearance">
      <Card className="flex flex-col gap-5 p-4 sm:p-5">
        <Choice
          legend="Colours"
          value={theme}
          choices={[
            { value: "system", label: "As the system" },
            { value: "light", label: "Light" },
            { value: "dark", label: "Dark" },
          ]}
          onChange={(choice) => chooseAppearance("theme", choice)}
        />
        <Choice
          legend="Density"
          value={density}
          choices={[
            { value: "comfortable", label: "Comfortable" },
            { value: "compact", label: "Compact" },
          ]}
          onChange={(choice) => chooseAppearance("density", choice)}
        />
        <Choice
          legend="Time of day"
          value={clock}
          choices={[
            { value: "browser", label: "As the browser" },
            { value: "24", label: "24 hours" },
            { value: "12", label: "12 hours" },
          ]}
          onChange={(choice) => chooseAppearance("clock", choice)}
        />
        <Choice
          legend="Time zone"
          value={zone}
          choices={[
            { value: "local", label: "Mine" },
            { value: "utc", label: "UTC" },
          ]}
          onChange={(choice) => chooseAppearance("zone", choice)}
        />
        <p className="text-xs text-ink-faint">
          A moment is written so: <span className="nums text-ink-soft">{formatMoment(new Date().toISOString())}</span>. All of
          this is kept in this browser.
        </p>
      </Card>
    </Section>
  );
};
