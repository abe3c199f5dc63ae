import { Link, useRouterState } from "@tanstack/react-router";
import { Ellipsis } from "lucide-react";
import { useRef } from "react";
import { classes } from "../ui/classes.ts";
import { FIRST_PLACES, PLACES, type Place } from "./places.ts";

const IN_LIST = {
  className: "inset-ring-focus flex h-8 items-center gap-2.5 rounded-md px-2.5 font-medium transition-colors",
  active: "bg-hover text-ink",
  inactive: "text-ink-soft hover:bg-hover hover:text-ink",
};
const IN_ROW = {
  className: "inset-ring-focus flex w-full flex-col items-center gap-0.5 py-2 text-2xs transition-colors",
  active: "text-accent font-medium",
  inactive: "text-ink-soft",
};
const IN_MORE = { ...IN_LIST, className: classes(IN_LIST.className, "h-11!") };

const PlaceLink = ({ place, look, onGo }: { place: Place; look: typeof IN_LIST; onGo?: () => void }) => {
  const { to, label, icon: Icon, key } = place;
  return (
    <Link
      to={to}
      activeOptions={{ exact: to === "/", includeSearch: false }}
      title={look === IN_LIST ? `${label} (g ${key})` : undefined}
      className={look.className}
      activeProps={{ className: look.active }}
      inactiveProps={{ className: look.inactive }}
      onClick={onGo}
    >
      <Icon aria-hidden className={look === IN_ROW ? "size-4.5" : "size-4"} />
      {label}
    </Link>
  );
};

/** Where one can go, beside the page. */
export const NavList = () => (
  <ul className="flex flex-col gap-0.5">
    {PLACES.map((place) => (
      <li key={place.to}>
        <PlaceLink place={place} look={IN_LIST} />
      </li>
    ))}
  </ul>
);

const MORE_ID = "more-places";

/** Where one can go, below the page of a small screen. */
export const NavRow = () => {
  const more = useRef<HTMLUListElement>(null);
  const path = useRouterState({ select: (state) => state.location.pathname });
  const rest = PLACES.slice(FIRST_PLACES);
  const isInRest = rest.some(({ to }) => path.startsWith(to));
  return (
    <ul className="grid grid-cols-5">
      {PLACES.slice(0, FIRST_PLACES).map((place) => (
        <li key={place.to}>
          <PlaceLink place={place} look={IN_ROW} />
        </li>
      ))}
      <li>
        <button
          type="button"
          popoverTarget={MORE_ID}
          className={classes(IN_ROW.className, isInRest ? IN_ROW.active : IN_ROW.inactive)}
        >
          <Ellipsis aria-hidden className="size-4.5" />
          More
        </button>
        <ul
          ref={more}
          id={MORE_ID}
          popover="auto"
          className="inset-auto right-2 bottom-[calc(4rem+env(safe-area-inset-bottom))] m-0 min-w-44 rounded-lg border border-line bg-surface p-1.5 text-ink shadow-float"
        >
          {rest.map((place) => (
            <li key={place.to}>
              <PlaceLink place={place} look={IN_MORE} onGo={() => more.current?.hidePopover()} />
            </li>
          ))}
        </ul>
      </li>
    </ul>
  );
};
