import { ClauderonError } from "@clauderon/core/contract";

import { createSqliteStore } from "../src/index.ts";
import { saveSession } from "./store-home.ts";

// Appends until the disk is full, then reads. Prints one line of JSON.
const [path = ""] = process.argv.slice(2);
const store = await createSqliteStore({ path });
let saved = 0;
let code = "";
while (code === "" && saved < 10_000) {
  try {
    await saveSession(store, { name: `s${saved}`, notices: ["x".repeat(10_000)] });
    saved += 1;
  } catch (error) {
    code = ClauderonError.isInstance(error) ? error.code : String(error);
  }
}
const listed = (await store.list()).length;
const events = await store.lastCursor();
process.stdout.write(JSON.stringify({ code, saved, listed, events }));
