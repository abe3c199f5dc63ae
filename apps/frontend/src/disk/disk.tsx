import type { DiskItem, DiskPlace, DiskReport } from "@ccr/protocol";
import { useQuery } from "@tanstack/react-query";
import { ChevronRight, HardDrive, TriangleAlert } from "lucide-react";
import { useApi } from "../api/client.ts";
import { classes } from "../ui/classes.ts";
import { LoadError, Notice, Skeleton } from "../ui/feedback.tsx";
import { formatBytes, formatMoment, plural } from "../ui/format.ts";
import { Card, Section } from "../ui/layout.tsx";
import { TailPath } from "../ui/tail-path.tsx";
import { Ago } from "../ui/time.tsx";
import { CleanUp } from "./clean-up.tsx";
import { dueWords, type PartRow, PLACE_NAMES, partRows, runsRule, sizeOf } from "./disk-words.ts";

const PlaceCard = ({ place, minFreeBytes }: { place: DiskPlace; minFreeBytes: number }) => {
  const { name, freeBytes, totalBytes } = place;
  const used = Math.max(0, totalBytes - freeBytes);
  const share = totalBytes === 0 ? 0 : Math.round((used / totalBytes) * 100);
  const isLow = totalBytes > 0 && freeBytes < minFreeBytes;
  return (
    <Card className="flex flex-col gap-2 p-4">
      <p className="flex items-center gap-2 font-medium">
        <HardDrive aria-hidden className={classes("size-4", isLow ? "text-bad" : "text-ink-faint")} /> {PLACE_NAMES[name]}
      </p>
      <div aria-hidden className="h-2 overflow-hidden rounded-full bg-hover">
        <div className={classes("h-full rounded-full", isLow ? "bg-bad" : "bg-accent")} style={{ width: `${share}%` }} />
      </div>
      <p className="nums flex flex-wrap justify-between gap-x-3 text-xs text-ink-soft">
        <span className={isLow ? "font-medium text-bad" : ""}>{formatBytes(freeBytes)} free</span>
        <span className="text-ink-faint">of {formatBytes(totalBytes)}</span>
      </p>
    </Card>
  );
};

/** What it is, how long it is kept, how many there are, and what they take. */
const COLUMNS = "md:grid-cols-[minmax(0,1fr)_14rem_4rem_6rem]";

const ItemRow = ({ item }: { item: DiskItem }) => (
  <li className={classes("grid grid-cols-[minmax(0,1fr)_auto] items-baseline gap-x-4 py-1.5 pl-6", COLUMNS)}>
    <TailPath text={item.name} className="code text-xs" />
    <span className="order-3 col-span-2 text-xs text-ink-faint md:order-none">
      {item.inUse ? "in use" : item.removableAt === null ? "kept" : `until ${formatMoment(item.removableAt)}`}
    </span>
    <span className="nums text-right text-xs text-ink-soft">{sizeOf(item.bytes)}</span>
  </li>
);

const PartDetails = ({ row: { label, what, part, rule } }: { row: PartRow }) => (
  <details className="group">
    <summary
      className={classes(
        "inset-ring-focus grid list-none grid-cols-[minmax(0,1fr)_auto] items-baseline gap-x-4 gap-y-0.5 px-4 py-3 hover:bg-hover [&::-webkit-details-marker]:hidden",
        COLUMNS,
      )}
    >
      <span className="flex min-w-0 items-baseline gap-2">
        <ChevronRight
          aria-hidden
          className="size-4 shrink-0 translate-y-0.5 text-ink-faint transition-transform group-open:rotate-90"
        />
        <span className="min-w-0">
          <span className="font-medium">{label}</span>
          <span className="block text-xs text-pretty text-ink-faint">{what}</span>
        </span>
      </span>
      <span className="order-3 pl-6 md:pl-0 text-xs text-ink-soft md:order-none">{rule}</span>
      <span className="nums order-4 text-right text-xs text-ink-faint md:order-none">{part.count.toLocaleString("en")}</span>
      <span className="nums text-right font-medium">{sizeOf(part.bytes)}</span>
    </summary>
    <div className="border-t border-line bg-sunken px-4 py-2">
      {part.items.length === 0 ? (
        <p className="py-1 pl-6 text-xs text-ink-faint">There is none.</p>
      ) : (
        <ul className="divide-y divide-line">
          {part.items.map((item) => (
            <ItemRow key={item.name} item={item} />
          ))}
        </ul>
      )}
      {part.count > part.items.length && part.items.length > 0 && (
        <p className="py-1.5 pl-6 text-xs text-ink-faint">And {plural(part.count - part.items.length, "smaller one")}.</p>
      )}
    </div>
  </details>
);

const Next = ({ report: { next, rules } }: { report: DiskReport }) => {
  const due = dueWords(next);
  return (
    <p className="text-pretty text-xs text-ink-faint">
      {runsRule(rules)} {next.at === null ? "Nothing is removed by itself." : `The server looks next on ${formatMoment(next.at)}`}
      {next.at !== null && (due === null ? " and has nothing to remove." : ` and removes ${due}.`)} The rules are set with the
      variables <code className="code">CCR_KEEP_…</code>.
    </p>
  );
};

const Report = ({ report }: { report: DiskReport }) => (
  <>
    {report.lack !== null && (
      <Notice tone="bad" icon={TriangleAlert}>
        <p className="font-medium">Queued runs wait for room</p>
        <p className="mt-0.5 text-ink-soft">{report.lack}</p>
      </Notice>
    )}
    <Section heading="Disks">
      <div className="grid gap-3 sm:grid-cols-2 lg:grid-cols-3">
        {report.places.map((place) => (
          <PlaceCard key={place.name} place={place} minFreeBytes={report.minFreeBytes} />
        ))}
      </div>
      {report.minFreeBytes > 0 && (
        <p className="text-xs text-ink-faint">
          With less than {formatBytes(report.minFreeBytes)} free on one of them, no further run starts; what runs goes on.
        </p>
      )}
    </Section>
    <Section
      heading="What takes the room"
      action={
        <span className="text-xs text-ink-faint">
          Measured <Ago at={report.at} />
        </span>
      }
    >
      <Card className="divide-y divide-line overflow-hidden">
        {partRows(report).map((row) => (
          <PartDetails key={row.key} row={row} />
        ))}
        <div className="flex items-baseline justify-between gap-4 px-4 py-3">
          <span className="min-w-0 pl-6">
            <span className="font-medium">Database</span>
            <span className="block text-xs text-pretty text-ink-faint">Tasks, runs and their transcripts</span>
          </span>
          <span className="nums font-medium">{sizeOf(report.database.bytes)}</span>
        </div>
      </Card>
      <Next report={report} />
    </Section>
  </>
);

/** What the server takes of its disks, how long it keeps what, and the way to make room now. */
export const Disk = () => {
  const { trpc } = useApi();
  const disk = useQuery(trpc.server.disk.queryOptions(undefined, { refetchInterval: 30_000 }));
  return (
    <>
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p className="text-ink-soft">What the server keeps, for how long, and how much room it takes.</p>
        <CleanUp rules={disk.data?.rules ?? null} hasImages={disk.data !== undefined && disk.data.images !== null} />
      </div>
      {disk.data !== undefined ? (
        <Report report={disk.data} />
      ) : (
        <Card>{disk.error === null ? <Skeleton /> : <LoadError error={disk.error} onRetry={() => disk.refetch()} />}</Card>
      )}
    </>
  );
};
