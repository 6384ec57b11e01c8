import { mkdirSync } from "node:fs";
import path from "node:path";

import { createAgents } from "@clauderon/agents";
import { createLocalBackend } from "@clauderon/backend-local";
import { createEngine, createHostContext } from "@clauderon/core";
import { fakeAgentPath } from "@clauderon/core/testing";
import { createSqliteStore } from "@clauderon/store";
import { createWorkspaces } from "@clauderon/workspaces";

import { describeSessions, type SessionsSubject } from "./sessions.suite.ts";

async function openEmbedded(homeDirectory: string): Promise<SessionsSubject> {
  mkdirSync(homeDirectory, { recursive: true, mode: 0o700 });
  const context = createHostContext({ homeDirectory, instanceId: "embedded-suite" });
  const store = await createSqliteStore({ path: path.join(homeDirectory, "db.sqlite") });
  const backend = createLocalBackend(context);
  const settings = {
    fake: { command: [process.execPath, fakeAgentPath()] as const },
    missing: { command: ["no-such-agent-program"] as const },
    hasty: { command: ["sh", "-c", "echo goodbye; exit 3"] as const },
  };
  const engine = createEngine({
    ...context,
    store,
    backends: [backend],
    agents: createAgents({ ...context, settings }),
    workspaces: createWorkspaces(context),
  });
  return {
    clauderon: engine,
    async close() {
      await engine.close();
      await backend.close();
      await store.close();
    },
  };
}

describeSessions({
  name: "the engine in this process",
  open: openEmbedded,
});
