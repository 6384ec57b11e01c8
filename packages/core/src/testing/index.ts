export { canaryEncoders, scanBytes } from "./canary-scan.ts";
export { describeStoreContract, type StoreContractOptions } from "./describe-store-contract.ts";
export { createMemoryStore } from "./memory-store.ts";
export { sampleSessionState } from "./sample-session-state.ts";
export type {
  BackendContractOptions,
  ContractResult,
  ContractSamples,
  KnownFailure,
} from "./backend-contract-options.ts";
export { contractBodyIds } from "./contract-run.ts";
export { describeBackendContract } from "./describe-backend-contract.ts";
export { requirements, type Requirement } from "./requirements.ts";
export { runBackendContract } from "./run-backend-contract.ts";
export { createFakeBackend, plantForeignSandbox, type FakeBackendOptions } from "./fake/create-fake-backend.ts";
export { fakeAgentPath } from "./fake/fake-agent-path.ts";
export type { FakeShape } from "./fake/fake-shape.ts";
