import { defineCommand, type Command } from "../command/command.ts";
import { pickFields } from "../output/json.ts";

export const versionCommand: Command = defineCommand({
  meta: { name: "version", description: "Print the versions of the command line, of Node and of the running daemon." },
  args: {},
  jsonFields: ["schemaVersion", "version", "node", "daemon"],
  examples: ["version", "version --json"],
  async run({ context }) {
    const { version } = await import("../version.ts");
    const daemon = (await context.access.daemonRecord(context.signal))?.version ?? null;
    const versions = { schemaVersion: 1, version, node: process.versions.node, daemon };
    if (context.flags.isJson) {
      await context.output.json(pickFields(versions, context.flags.jsonFields));
      return 0;
    }
    await context.output.line(`clauderon ${version}\nnode ${versions.node}\ndaemon ${daemon ?? "does not run"}`);
    return 0;
  },
});
