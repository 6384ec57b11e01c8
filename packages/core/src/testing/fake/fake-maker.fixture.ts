import { createFakeBackend, type FakeShape } from "../index.ts";
import { fakeAgentPath } from "./fake-agent-path.ts";

// Makes a sandbox with an agent, says so, and waits to be killed: `node fake-maker.fixture.ts HOME SHAPE SANDBOX-ID`.
const [homeDirectory = "", shape = "remote", sandboxId = ""] = process.argv.slice(2);
const backend = createFakeBackend({ context: { homeDirectory }, shape: shape as FakeShape });
const sandbox = await backend.create({
  sandboxId,
  name: "made-elsewhere",
  workspace: shape === "remote" ? {} : { hostPath: homeDirectory },
  environment: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" },
});
await sandbox.startAgent({
  launchId: "first",
  argv: [process.execPath, fakeAgentPath(), "--session-id", "conversation", "say hello"],
  environment: { FAKE_AGENT_LOG: `${homeDirectory}/agent.log` },
  mode: "terminal",
});
console.log("made");
setInterval(() => undefined, 60_000);
