export { describeStoreContract, type StoreContractOptions } from "./describe-store-contract.ts";
export { createMemoryStore } from "./memory-store.ts";
export { sampleSessionState } from "./sample-session-state.ts";
