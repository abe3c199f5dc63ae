import {
  type Announcements,
  closestCenter,
  DndContext,
  type DragEndEvent,
  KeyboardSensor,
  PointerSensor,
  type UniqueIdentifier,
  useSensor,
  useSensors,
} from "@dnd-kit/core";
import { SortableContext, sortableKeyboardCoordinates, verticalListSortingStrategy } from "@dnd-kit/sortable";
import { Plus, Undo2 } from "lucide-react";
import { Fragment, useLayoutEffect, useRef, useState } from "react";
import { Button } from "../ui/button.tsx";
import type { Problems } from "./draft.ts";
import { StepEditor } from "./step-editor.tsx";
import { type DraftStep, editSteps, type StepEdit } from "./steps-draft.ts";

type Removed = { step: DraftStep; index: number };

const InsertHere = ({ index, onInsert }: { index: number; onInsert: () => void }) => (
  <li className="group/insert -my-3 flex h-6 items-center gap-2">
    <span aria-hidden className="h-px flex-1 bg-line opacity-0 transition-opacity group-hover/insert:opacity-100" />
    <button
      type="button"
      aria-label={`Insert a step after step ${index}`}
      title="Insert a step here"
      onClick={onInsert}
      className="grid size-6 place-items-center rounded-full border border-line bg-surface text-ink-faint hover:bg-hover hover:text-ink focus-visible:text-ink"
    >
      <Plus aria-hidden className="size-3.5" />
    </button>
    <span aria-hidden className="h-px flex-1 bg-line opacity-0 transition-opacity group-hover/insert:opacity-100" />
  </li>
);

/** The steps of a task, in their order, which is changed by dragging, by buttons, and by Alt and the arrow keys. */
export const StepsEditor = ({
  steps,
  problems,
  onChange,
}: {
  steps: readonly DraftStep[];
  problems: Problems;
  onChange: (steps: DraftStep[]) => void;
}) => {
  const focusAfter = useRef<string | null>(null);
  const [announced, setAnnounced] = useState("");
  const [removed, setRemoved] = useState<Removed | null>(null);
  const sensors = useSensors(
    useSensor(PointerSensor, { activationConstraint: { distance: 4 } }),
    useSensor(KeyboardSensor, { coordinateGetter: sortableKeyboardCoordinates }),
  );
  const placeOf = (id: UniqueIdentifier | undefined): number => steps.findIndex(({ key }) => key === id) + 1;

  const edit = (change: StepEdit): void => {
    const next = editSteps(steps, change);
    const indexOf = (key: string): number => next.findIndex((step) => step.key === key);
    if (change.type !== "change") setRemoved(null);
    switch (change.type) {
      case "move":
        // Whoever writes in the step goes on writing there.
        if (document.activeElement?.tagName !== "TEXTAREA")
          focusAfter.current = `step-${change.key}-${change.by < 0 ? "up" : "down"}`;
        setAnnounced(`Now step ${indexOf(change.key) + 1} of ${next.length}`);
        break;
      case "insert":
      case "restore":
      case "duplicate": {
        const fresh = next.find(({ key }) => !steps.some((step) => step.key === key));
        focusAfter.current = `step-${fresh?.key ?? ""}`;
        setAnnounced(`Step ${indexOf(fresh?.key ?? "") + 1} of ${next.length} is new`);
        break;
      }
      case "remove": {
        const index = steps.findIndex(({ key }) => key === change.key);
        const step = steps[index];
        if (step !== undefined && next.length < steps.length) setRemoved({ step, index });
        focusAfter.current = "undo-remove";
        setAnnounced(`Step ${index + 1} was removed; ${next.length} left. It can be put back.`);
        break;
      }
      case "place":
      case "change":
        break;
    }
    onChange(next);
  };

  // A step that moves takes the focus with it, onto its other arrow when it has reached an end; a new one is written at once.
  useLayoutEffect(() => {
    if (focusAfter.current === null) return;
    const id = focusAfter.current;
    focusAfter.current = null;
    const found = document.getElementById(id);
    if (found instanceof HTMLLIElement) return found.querySelector("textarea")?.focus();
    const other = document.getElementById(id.endsWith("-up") ? id.replace("-up", "-down") : id.replace("-down", "-up"));
    (found?.hasAttribute("disabled") === true ? other : found)?.focus();
  });

  const announcements: Announcements = {
    onDragStart: ({ active }) =>
      `Step ${placeOf(active.id)} is picked up. Move it with the arrow keys; Space drops it, Escape puts it back.`,
    onDragOver: ({ active, over }) =>
      over === null || over.id === active.id
        ? undefined
        : `Step ${placeOf(active.id)} is over place ${placeOf(over.id)} of ${steps.length}`,
    onDragEnd: ({ over }) =>
      over === null ? "It stays where it was" : `Dropped at place ${placeOf(over.id)} of ${steps.length}`,
    onDragCancel: () => "It stays where it was",
  };
  const drop = ({ active, over }: DragEndEvent): void => {
    if (over !== null && active.id !== over.id) edit({ type: "place", key: String(active.id), at: String(over.id) });
  };

  const undo = (at: Removed) => (
    <li key="undo" className="flex items-center justify-between gap-3 rounded-lg border border-dashed border-line px-4 py-2">
      <span className="text-ink-soft">Step {at.index + 1} was removed.</span>
      <Button id="undo-remove" size="sm" onClick={() => edit({ type: "restore", ...at })}>
        <Undo2 aria-hidden className="size-3.5" /> Put it back
      </Button>
    </li>
  );

  return (
    <>
      <DndContext
        sensors={sensors}
        collisionDetection={closestCenter}
        accessibility={{
          announcements,
          screenReaderInstructions: {
            draggable: "Press Space to pick the step up, the arrow keys to move it, Space to drop it.",
          },
        }}
        onDragEnd={drop}
      >
        <SortableContext items={steps.map(({ key }) => key)} strategy={verticalListSortingStrategy}>
          <ol className="flex flex-col gap-4" aria-label="Steps">
            {steps.map((step, index) => (
              <Fragment key={step.key}>
                {removed?.index === index && undo(removed)}
                {index > 0 && <InsertHere index={index} onInsert={() => edit({ type: "insert", index })} />}
                <StepEditor step={step} index={index} count={steps.length} problems={problems} onEdit={edit} />
              </Fragment>
            ))}
            {removed !== null && removed.index >= steps.length && undo(removed)}
          </ol>
        </SortableContext>
      </DndContext>
      {problems.has("steps") && (
        <p role="alert" className="text-xs text-bad">
          {problems.get("steps")}
        </p>
      )}
      <p className="sr-only" aria-live="polite">
        {announced}
      </p>
      <div>
        <Button onClick={() => edit({ type: "insert", index: steps.length })}>
          <Plus aria-hidden className="size-3.5" /> Add a step
        </Button>
      </div>
    </>
  );
};
