export { demoRepositoryFolder, demoScenarioPath, demoTask, loadDemoScenario } from "./demo.ts";
export type { RequestRecord } from "./record.ts";
export { loadScenario, parseScenario, type Scenario, ScenarioError, type ScenarioInput } from "./scenario.ts";
export { type ScriptedModel, type ScriptedModelOptions, startScriptedModel } from "./server.ts";
