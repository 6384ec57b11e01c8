import { createSqliteStore } from "../src/index.ts";
import { saveSession } from "./store-home.ts";

// Appends without end and says each append when it is acknowledged: `name revision`.
const [path = "", name = ""] = process.argv.slice(2);
const store = await createSqliteStore({ path });
let revision = (await store.getByName(name))?.revision ?? 0;
for (;;) {
  await saveSession(store, { name, revision: revision + 1, notices: ["x".repeat(revision % 3_000)] }, revision);
  revision += 1;
  process.stdout.write(`${revision}\n`);
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}
