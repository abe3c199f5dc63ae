import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useApi } from "../api/client.ts";
import { Field, Select } from "../ui/field.tsx";

/** The choice of an environment; `unset` is what is chosen by choosing none of them, and `none`, if given, that there is to be none. */
export const EnvironmentField = ({
  value,
  unset,
  none,
  error,
  onChange,
}: {
  /** An id, `none`, or empty. */
  value: string;
  unset: string;
  none?: string;
  error?: string | undefined;
  onChange: (value: string) => void;
}) => {
  const { trpc } = useApi();
  const { data = [], error: unread, refetch } = useQuery(trpc.environments.list.queryOptions(undefined, { staleTime: 30_000 }));
  // Whoever has none need not choose.
  if (data.length === 0 && value === "" && none !== undefined && unread === null) return null;
  const isKnown = value === "" || value === "none" || data.some(({ id }) => id === value);
  return (
    <Field
      label="Environment"
      error={error}
      hint={
        unread !== null && data.length === 0 ? (
          <>
            The environments cannot be read now.{" "}
            <button type="button" className="rounded underline" onClick={() => void refetch()}>
              Try again
            </button>
          </>
        ) : data.length === 0 ? (
          <>
            What a run needs beyond its repository.{" "}
            <Link to="/environments" className="rounded underline">
              Write one
            </Link>
          </>
        ) : undefined
      }
    >
      {(parts) => (
        <Select {...parts} value={value} onChange={({ target }) => onChange(target.value)}>
          <option value="">{unset}</option>
          {none !== undefined && <option value="none">{none}</option>}
          {!isKnown && <option value={value}>One that is gone</option>}
          {data.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </Select>
      )}
    </Field>
  );
};
