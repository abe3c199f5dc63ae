import { Bell, HardDrive, Info, KeyRound, type LucideIcon, Palette, WalletMinimal } from "lucide-react";

/** The parts of the settings. What they set is this browser's, or the budget of all; the others show what the server was started with. */
export const SECTIONS = [
  { name: "credentials", label: "Credentials", icon: KeyRound, about: "model key token github gitlab bitbucket" },
  { name: "budgets", label: "Budgets", icon: WalletMinimal, about: "money spend cost limits ceiling day" },
  { name: "disk", label: "Disk", icon: HardDrive, about: "room clean up retention" },
  { name: "notifications", label: "Notifications", icon: Bell, about: "browser tab alerts" },
  { name: "appearance", label: "Appearance", icon: Palette, about: "theme colours dark light density time" },
  { name: "about", label: "About", icon: Info, about: "version licences diagnostics documents" },
] as const satisfies readonly { name: string; label: string; icon: LucideIcon; about: string }[];

export type SectionName = (typeof SECTIONS)[number]["name"];

/** The section that an address names; the first one when it names none. */
export const sectionOf = (name: string | undefined): SectionName =>
  SECTIONS.find((section) => section.name === name)?.name ?? "credentials";
