import { Monitor, Moon, Sun } from "lucide-react";
import { APPEARANCE, chooseAppearance, useAppearance } from "../ui/appearance.ts";
import { IconButton } from "../ui/button.tsx";

const ICONS = { system: Monitor, light: Sun, dark: Moon };
const NAMES = { system: "as the system", light: "light", dark: "dark" };

/** Goes round light, dark and the system's own choice. */
export const ThemeToggle = () => {
  const theme = useAppearance("theme");
  const themes = APPEARANCE.theme;
  const next = themes[(themes.indexOf(theme) + 1) % themes.length] ?? "system";
  const Icon = ICONS[theme];
  return (
    <IconButton label={`Colours: ${NAMES[theme]}. Change to ${NAMES[next]}`} onClick={() => chooseAppearance("theme", next)}>
      <Icon aria-hidden className="size-4" />
    </IconButton>
  );
};
