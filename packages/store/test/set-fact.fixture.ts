import { createSqliteStore } from "../src/index.ts";

// Opens a store, making it when there is none, and keeps one fact in it.
const [path = "", fact = ""] = process.argv.slice(2);
const store = await createSqliteStore({ path });
await store.setFact(fact, "yes");
await store.close();
