import { createAgents } from "@clauderon/agents";
import { createLocalBackend } from "@clauderon/backend-local";
import { createEngine, createHostContext } from "@clauderon/core";
import { createSqliteStore } from "@clauderon/store";
import { createWorkspaces } from "@clauderon/workspaces";

const context = createHostContext({ homeDirectory: "/tmp/my-tool", instanceId: "my-tool" });
await using store = await createSqliteStore({ path: "/tmp/my-tool/db.sqlite" });
const backends = [createLocalBackend(context)];
const workspaces = createWorkspaces(context);
await using engine = createEngine({ ...context, store, backends, workspaces, agents: createAgents(context) });
console.log(await engine.sessions.list());
