import { useQuery } from "@tanstack/react-query";
import { ChevronRight } from "lucide-react";
import { z } from "zod";
import { LoadError, Skeleton } from "../ui/feedback.tsx";
import { Card } from "../ui/layout.tsx";

/** As the build writes it. */
const Licences = z.array(
  z.object({ name: z.string(), version: z.string(), identifier: z.string().nullish(), text: z.string().nullish() }),
);

const fetchLicences = async (signal: AbortSignal): Promise<z.infer<typeof Licences>> => {
  const answer = await fetch("/licenses.json", { signal });
  if (!answer.ok) throw new Error("The list of licences is not there; the page was not built as usual.");
  return Licences.parse(await answer.json());
};

/** The libraries in the page, each with its licence. */
export const LicenceList = () => {
  const licences = useQuery({
    queryKey: ["licences"],
    queryFn: ({ signal }) => fetchLicences(signal),
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <Card className="overflow-hidden">
      {licences.data !== undefined ? (
        <ul className="divide-y divide-line">
          {licences.data.map(({ name, version, identifier, text }) => (
            <li key={`${name} ${version}`}>
              <details className="group">
                <summary className="inset-ring-focus flex list-none items-center gap-2 px-4 py-2 hover:bg-hover [&::-webkit-details-marker]:hidden">
                  <ChevronRight
                    aria-hidden
                    className="size-4 shrink-0 text-ink-faint transition-transform group-open:rotate-90"
                  />
                  <span className="min-w-0 flex-1 truncate">
                    {name} <span className="text-xs text-ink-faint">{version}</span>
                  </span>
                  <span className="shrink-0 text-xs text-ink-soft">{identifier ?? "see its text"}</span>
                </summary>
                <pre className="code border-t border-line bg-sunken px-4 py-3 text-xs whitespace-pre-wrap">
                  {text ?? "Its package has no text of the licence."}
                </pre>
              </details>
            </li>
          ))}
        </ul>
      ) : licences.error === null ? (
        <Skeleton />
      ) : (
        <LoadError error={licences.error} onRetry={() => licences.refetch()} />
      )}
    </Card>
  );
};
