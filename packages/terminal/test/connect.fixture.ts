import { connectSessionHost } from "../src/session-host-client.ts";

const [home = "", what] = process.argv.slice(2);
const client = await connectSessionHost({ homeDirectory: home, instanceId: "fixture", startIfMissing: true });
if (what === "agent") {
  await client.openSandbox({
    sandboxId: "fixture",
    name: "fixture",
    cwd: home,
    environment: { PATH: "/usr/bin:/bin" },
  });
  await client.startAgent("fixture", { launchId: "1", argv: ["/bin/sh", "-c", "read x"], mode: "terminal" });
}
process.send?.((await client.info())?.processId);
// Whoever started this is gone.
process.on("disconnect", () => process.exit());
