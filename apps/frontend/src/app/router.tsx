import {
  createRootRoute,
  createRoute,
  createRouter,
  type ErrorComponentProps,
  redirect,
  useRouter,
} from "@tanstack/react-router";
import { parseTableSearch } from "../batches/table.ts";
import { parseHomeSearch } from "../home/search.ts";
import { parseInstancesSearch } from "../instances/filter.ts";
import { parseRunsSearch } from "../runs/filter.ts";
import { parseTab } from "../runs/tabs.ts";
import { parseHistorySearch } from "../tasks/history-search.ts";
import { parseTasksSearch } from "../tasks/list.ts";
import { errorDetails } from "../ui/error-details.ts";
import { LoadError, Skeleton } from "../ui/feedback.tsx";
import { lazyPage } from "./lazy-page.tsx";
import { NotFound } from "./not-found.tsx";
import { Shell } from "./shell.tsx";

const homePage = lazyPage(() => import("../home/home-page.tsx"), "HomePage");
const tasksPage = lazyPage(() => import("../tasks/tasks-page.tsx"), "TasksPage");
const newTaskPage = lazyPage(() => import("../tasks/task-page.tsx"), "NewTaskPage");
const taskPage = lazyPage(() => import("../tasks/task-page.tsx"), "TaskPage");
const runsPage = lazyPage(() => import("../runs/list/runs-page.tsx"), "RunsPage");
const runPage = lazyPage(() => import("../runs/page/run-page.tsx"), "RunPage");
const batchesPage = lazyPage(() => import("../batches/batches-page.tsx"), "BatchesPage");
const batchPage = lazyPage(() => import("../batches/batch-page.tsx"), "BatchPage");
const comparePage = lazyPage(() => import("../batches/compare-page.tsx"), "ComparePage");
const environmentsPage = lazyPage(() => import("../environments/environments-page.tsx"), "EnvironmentsPage");
const newEnvironmentPage = lazyPage(() => import("../environments/environment-page.tsx"), "NewEnvironmentPage");
const environmentPage = lazyPage(() => import("../environments/environment-page.tsx"), "EnvironmentPage");
const instancesPage = lazyPage(() => import("../instances/instances-page.tsx"), "InstancesPage");
const settingsPage = lazyPage(() => import("../settings/settings-page.tsx"), "SettingsPage");
const importTasksPage = lazyPage(() => import("../tasks/import-page.tsx"), "ImportTasksPage");
const taskHistoryPage = lazyPage(() => import("../tasks/history-page.tsx"), "TaskHistoryPage");

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
    settingsPage,
  ])
    page.preload().catch(() => {});
};

const root = createRootRoute({ component: () => <Shell onSettled={preloadPages} />, notFoundComponent: () => <NotFound /> });

const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  validateSearch: parseHomeSearch,
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
  validateSearch: parseInstancesSearch,
  component: instancesPage,
});
const settings = createRoute({
  getParentRoute: () => root,
  path: "/settings",
  component: settingsPage,
});
const settingsSection = createRoute({
  getParentRoute: () => root,
  path: "/settings/$section",
  component: settingsPage,
});
// Where it was before there were settings.
const disk = createRoute({
  getParentRoute: () => root,
  path: "/disk",
  beforeLoad: () => {
    throw redirect({ to: "/settings/$section", params: { section: "disk" }, replace: true });
  },
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
  settings,
  settingsSection,
  disk,
]);

/** A page that could not be had, or broke. To try again is to fetch it again. */
const PageError = ({ error, reset }: ErrorComponentProps) => {
  const router = useRouter();
  const retry = async (): Promise<void> => {
    await router.invalidate();
    reset();
  };
  return (
    <LoadError
      title="This page could not be shown"
      error={error}
      onRetry={() => void retry()}
      details={() => errorDetails({ name: "page", error })}
    />
  );
};

/** The page's addresses. Each page is loaded when it is first gone to. */
export const createAppRouter = () =>
  createRouter({
    routeTree,
    defaultPreload: "intent",
    defaultPendingMs: 150,
    defaultPendingComponent: () => <Skeleton className="mx-auto max-w-5xl p-8" />,
    defaultErrorComponent: PageError,
  });

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
