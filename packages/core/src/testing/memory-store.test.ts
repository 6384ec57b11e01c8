import { describeStoreContract } from "./describe-store-contract.ts";
import { createMemoryStore } from "./memory-store.ts";

describeStoreContract({ name: "the memory store", create: async () => createMemoryStore() });
