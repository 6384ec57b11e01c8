import { ClauderonError } from "@clauderon/core/contract";
import { sampleSessionState } from "@clauderon/core/testing";

import { createSqliteStore } from "../src/create-sqlite-store.ts";

// Opens a store and makes three appends; says on standard output which of them were acknowledged, and how each other one failed.
const [path = ""] = process.argv.slice(2);
const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

async function attempt(name: string, task: () => Promise<unknown>): Promise<boolean> {
  try {
    await task();
    say(`done ${name}`);
    return true;
  } catch (error) {
    say(`failed ${name} ${ClauderonError.isInstance(error) ? error.code : String(error)}`);
    return false;
  }
}

let store: Awaited<ReturnType<typeof createSqliteStore>> | undefined;
await attempt("open", async () => {
  store = await createSqliteStore({ path });
});
if (store !== undefined) {
  const opened = store;
  for (const name of ["one", "two", "three"]) {
    const state = sampleSessionState({ name, revision: 1 });
    const at = state.updatedAt;
    const request = {
      sessionId: state.id,
      sessionName: name,
      at,
      events: [{ type: "session.adopted" as const }],
      state,
    };
    const isDone = await attempt(name, () => opened.append({ ...request, expectedRevision: 0 }));
    // Reads go on whatever happened to the write.
    await attempt(`read-${name}`, async () => {
      const stored = await opened.getByName(name);
      if ((stored !== undefined) !== isDone) throw new Error("the answer and the row disagree");
    });
  }
  await attempt("close", () => opened.close());
}
