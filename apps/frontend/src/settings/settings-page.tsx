import { Link, useParams } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { classes } from "../ui/classes.ts";
import { Part } from "../ui/error-boundary.tsx";
import { Skeleton } from "../ui/feedback.tsx";
import { Page } from "../ui/layout.tsx";
import { type LazyPart, lazyPart } from "../ui/lazy-part.tsx";
import { SECTIONS, type SectionName, sectionOf } from "./sections.ts";

const PARTS: Record<SectionName, LazyPart<object>> = {
  credentials: lazyPart(() => import("./credentials.tsx").then(({ Credentials }) => Credentials)),
  budgets: lazyPart(() => import("./budgets.tsx").then(({ Budgets }) => Budgets)),
  disk: lazyPart(() => import("../disk/disk.tsx").then(({ Disk }) => Disk)),
  notifications: lazyPart(() => import("./notifications.tsx").then(({ Notifications }) => Notifications)),
  appearance: lazyPart(() => import("./appearance.tsx").then(({ Appearance }) => Appearance)),
  about: lazyPart(() => import("./about.tsx").then(({ About }) => About)),
};

/** Fetches the other sections beforehand, so that going to one needs no server any more; one that cannot be had now is fetched when it is gone to. */
const preloadParts = (): void => {
  for (const part of Object.values(PARTS)) part.preload().catch(() => {});
};

const SectionLinks = ({ current }: { current: SectionName }) => {
  const links = useRef<HTMLElement>(null);
  // On a small screen they do not all fit.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the section is what the place follows
  useEffect(() => {
    links.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [current]);
  return (
    <nav
      ref={links}
      aria-label="Settings"
      className="max-lg:fade-end -mx-1 overflow-x-auto px-1 py-1 pr-6 [scrollbar-width:none] lg:overflow-visible"
    >
      <ul className="flex gap-1 lg:flex-col">
        {SECTIONS.map(({ name, label, icon: Icon }) => (
          <li key={name} className="shrink-0">
            <Link
              to="/settings/$section"
              params={{ section: name }}
              aria-current={name === current ? "page" : undefined}
              className={classes(
                "inset-ring-focus flex h-8 items-center gap-2 rounded-md px-2.5 font-medium",
                name === current ? "bg-hover text-ink" : "text-ink-soft hover:bg-hover hover:text-ink",
              )}
            >
              <Icon aria-hidden className="size-4" /> {label}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
};

/** What the server was started with, and how the page looks and tells, a part at a time. */
export const SettingsPage = () => {
  const params: { section?: string } = useParams({ strict: false });
  const current = sectionOf(params.section);
  const label = SECTIONS.find(({ name }) => name === current)?.label ?? "";
  const Section = PARTS[current];
  useEffect(preloadParts, []);
  return (
    <Page title={`${label} – Settings`} heading="Settings" width="max-w-5xl">
      <div className="grid gap-x-8 gap-y-5 lg:grid-cols-[11rem_minmax(0,1fr)]">
        <SectionLinks current={current} />
        <div className="flex min-w-0 flex-col gap-6">
          <Part name={label} resetKey={current} loading={<Skeleton rows={5} />}>
            <Section />
          </Part>
        </div>
      </div>
    </Page>
  );
};
