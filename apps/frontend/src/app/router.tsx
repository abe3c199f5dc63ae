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
import { lazyPart } from "../ui/lazy-part.tsx";
import { NotFound } from "./not-found.tsx";
import { Shell } from "./shell.tsx";

const homePage = lazyPart(() => import("../home/home-page.tsx").then(({ HomePage }) => HomePage));
const tasksPage = lazyPart(() => import("../tasks/tasks-page.tsx").then(({ TasksPage }) => TasksPage));
const newTaskPage = lazyPart(() => import("../tasks/task-page.tsx").then(({ NewTaskPage }) => NewTaskPage));
const taskPage = lazyPart(() => import("../tasks/task-page.tsx").then(({ TaskPage }) => TaskPage));
const runsPage = lazyPart(() => import("../runs/list/runs-page.tsx").then(({ RunsPage }) => RunsPage));
const runPage = lazyPart(() => import("../runs/page/run-page.tsx").then(({ RunPage }) => RunPage));
const batchesPage = lazyPart(() => import("../batches/batches-page.tsx").then(({ BatchesPage }) => BatchesPage));
const batchPage = lazyPart(() => import("../batches/batch-page.tsx").then(({ BatchPage }) => BatchPage));
const comparePage = lazyPart(() => import("../batches/compare-page.tsx").then(({ ComparePage }) => ComparePage));
const environmentsPage = lazyPart(() =>
  import("../environments/environments-page.tsx").then(({ EnvironmentsPage }) => EnvironmentsPage),
);
const newEnvironmentPage = lazyPart(() =>
  import("../environments/environment-page.tsx").then(({ NewEnvironmentPage }) => NewEnvironmentPage),
);
const environmentPage = lazyPart(() =>
  import("../environments/environment-page.tsx").then(({ EnvironmentPage }) => EnvironmentPage),
);
const instancesPage = lazyPart(() => import("../instances/instances-page.tsx").then(({ InstancesPage }) => InstancesPage));
const settingsPage = lazyPart(() => import("../settings/settings-page.tsx").then(({ SettingsPage }) => SettingsPage));
const importTasksPage = lazyPart(() => import("../tasks/import-page.tsx").then(({ ImportTasksPage }) => ImportTasksPage));
const taskHistoryPage = lazyPart(() => import("../tasks/history-page.tsx").then(({ TaskHistoryPage }) => TaskHistoryPage));

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
