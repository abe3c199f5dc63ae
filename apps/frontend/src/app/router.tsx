import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import { parseRunsSearch } from "../runs/filter.ts";
import { parseTab } from "../runs/tabs.ts";
import { LoadError, Skeleton } from "../ui/feedback.tsx";
import { NotFound } from "./not-found.tsx";
import { Shell } from "./shell.tsx";

const root = createRootRoute({ component: Shell, notFoundComponent: () => <NotFound /> });

const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  component: lazyRouteComponent(() => import("../home/home-page.tsx"), "HomePage"),
});
const tasks = createRoute({
  getParentRoute: () => root,
  path: "/tasks",
  component: lazyRouteComponent(() => import("../tasks/tasks-page.tsx"), "TasksPage"),
});
const newTask = createRoute({
  getParentRoute: () => root,
  path: "/tasks/new",
  component: lazyRouteComponent(() => import("../tasks/task-page.tsx"), "NewTaskPage"),
});
const task = createRoute({
  getParentRoute: () => root,
  path: "/tasks/$taskId",
  component: lazyRouteComponent(() => import("../tasks/task-page.tsx"), "TaskPage"),
});
const runs = createRoute({
  getParentRoute: () => root,
  path: "/runs",
  validateSearch: parseRunsSearch,
  component: lazyRouteComponent(() => import("../runs/list/runs-page.tsx"), "RunsPage"),
});
const run = createRoute({
  getParentRoute: () => root,
  path: "/runs/$runId",
  validateSearch: parseTab,
  component: lazyRouteComponent(() => import("../runs/page/run-page.tsx"), "RunPage"),
});
const instances = createRoute({
  getParentRoute: () => root,
  path: "/instances",
  component: lazyRouteComponent(() => import("../instances/instances-page.tsx"), "InstancesPage"),
});

const routeTree = root.addChildren([home, tasks, newTask, task, runs, run, instances]);

/** The page's addresses. Each page is loaded when it is first gone to. */
export const createAppRouter = () =>
  createRouter({
    routeTree,
    defaultPreload: "intent",
    defaultPendingMs: 150,
    defaultPendingComponent: () => <Skeleton className="mx-auto max-w-5xl p-8" />,
    defaultErrorComponent: ({ error, reset }) => <LoadError title="This page could not be shown" error={error} onRetry={reset} />,
  });

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
