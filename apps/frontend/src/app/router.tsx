import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import { parseTableSearch } from "../batches/table.ts";
import { parseRunsSearch } from "../runs/filter.ts";
import { parseTab } from "../runs/tabs.ts";
import { parseHistorySearch } from "../tasks/history-search.ts";
import { parseTasksSearch } from "../tasks/list.ts";
import { LoadError, Skeleton } from "../ui/feedback.tsx";
import { NotFound } from "./not-found.tsx";
import { Shell } from "./shell.tsx";

const homePage = lazyRouteComponent(() => import("../home/home-page.tsx"), "HomePage");
const tasksPage = lazyRouteComponent(() => import("../tasks/tasks-page.tsx"), "TasksPage");
const newTaskPage = lazyRouteComponent(() => import("../tasks/task-page.tsx"), "NewTaskPage");
const taskPage = lazyRouteComponent(() => import("../tasks/task-page.tsx"), "TaskPage");
const importTasksPage = lazyRouteComponent(() => import("../tasks/import-page.tsx"), "ImportTasksPage");
const taskHistoryPage = lazyRouteComponent(() => import("../tasks/history-page.tsx"), "TaskHistoryPage");
const runsPage = lazyRouteComponent(() => import("../runs/list/runs-page.tsx"), "RunsPage");
const runPage = lazyRouteComponent(() => import("../runs/page/run-page.tsx"), "RunPage");
const batchesPage = lazyRouteComponent(() => import("../batches/batches-page.tsx"), "BatchesPage");
const batchPage = lazyRouteComponent(() => import("../batches/batch-page.tsx"), "BatchPage");
const comparePage = lazyRouteComponent(() => import("../batches/compare-page.tsx"), "ComparePage");
const environmentsPage = lazyRouteComponent(() => import("../environments/environments-page.tsx"), "EnvironmentsPage");
const newEnvironmentPage = lazyRouteComponent(() => import("../environments/environment-page.tsx"), "NewEnvironmentPage");
const environmentPage = lazyRouteComponent(() => import("../environments/environment-page.tsx"), "EnvironmentPage");
const instancesPage = lazyRouteComponent(() => import("../instances/instances-page.tsx"), "InstancesPage");
const diskPage = lazyRouteComponent(() => import("../disk/disk-page.tsx"), "DiskPage");

/** Fetches every page beforehand, so that going to one needs no server any more; a page that cannot be had now is fetched when it is gone to. */
const preloadPages = (): void => {
  for (const page of [
    homePage,
    tasksPage,
    newTaskPage,
    taskPage,
    importTasksPage,
    taskHistoryPage,
    runsPage,
    runPage,
    batchesPage,
    batchPage,
    comparePage,
    environmentsPage,
    newEnvironmentPage,
    environmentPage,
    instancesPage,
    diskPage,
  ])
    page.preload?.()?.catch(() => {});
};

const root = createRootRoute({ component: () => <Shell onSettled={preloadPages} />, notFoundComponent: () => <NotFound /> });

const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  component: homePage,
});
const tasks = createRoute({
  getParentRoute: () => root,
  path: "/tasks",
  validateSearch: parseTasksSearch,
  component: tasksPage,
});
const newTask = createRoute({
  getParentRoute: () => root,
  path: "/tasks/new",
  component: newTaskPage,
});
const importTasks = createRoute({
  getParentRoute: () => root,
  path: "/tasks/import",
  component: importTasksPage,
});
const task = createRoute({
  getParentRoute: () => root,
  path: "/tasks/$taskId",
  component: taskPage,
});
const taskHistory = createRoute({
  getParentRoute: () => root,
  path: "/tasks/$taskId/history",
  validateSearch: parseHistorySearch,
  component: taskHistoryPage,
});
const runs = createRoute({
  getParentRoute: () => root,
  path: "/runs",
  validateSearch: parseRunsSearch,
  component: runsPage,
});
const run = createRoute({
  getParentRoute: () => root,
  path: "/runs/$runId",
  validateSearch: parseTab,
  component: runPage,
});
const batches = createRoute({
  getParentRoute: () => root,
  path: "/batches",
  component: batchesPage,
});
const batch = createRoute({
  getParentRoute: () => root,
  path: "/batches/$batchId",
  validateSearch: parseTableSearch,
  component: batchPage,
});
const compare = createRoute({
  getParentRoute: () => root,
  path: "/batches/$batchId/groups/$group",
  component: comparePage,
});
const environments = createRoute({
  getParentRoute: () => root,
  path: "/environments",
  component: environmentsPage,
});
const newEnvironment = createRoute({
  getParentRoute: () => root,
  path: "/environments/new",
  component: newEnvironmentPage,
});
const environment = createRoute({
  getParentRoute: () => root,
  path: "/environments/$environmentId",
  component: environmentPage,
});
const instances = createRoute({
  getParentRoute: () => root,
  path: "/instances",
  component: instancesPage,
});
const disk = createRoute({
  getParentRoute: () => root,
  path: "/disk",
  component: diskPage,
});

const routeTree = root.addChildren([
  home,
  tasks,
  newTask,
  importTasks,
  task,
  taskHistory,
  runs,
  run,
  batches,
  batch,
  compare,
  environments,
  newEnvironment,
  environment,
  instances,
  disk,
]);

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
