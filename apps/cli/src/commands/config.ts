import { defineCommand, type Command } from "../command/command.ts";
import { pickFields } from "../output/json.ts";
import { formatTable } from "../output/table.ts";

export const configGetCommand: Command = defineCommand({
  meta: { name: "get", description: "Print the value of one setting that is in force; nothing when nothing says it." },
  args: { key: { type: "positional", required: true, description: "like general.default_backend" } },
  examples: ["config get general.default_backend", "config get daemon.port --json"],
  async run({ args, context }) {
    const { key, value, origin } = await context.access.setting(args.key);
    if (context.flags.isJson) await context.output.json({ schemaVersion: 1, key, value: value ?? null, origin });
    else if (value !== undefined) await context.output.line(valueText(value));
    return 0;
  },
});

export const configSetCommand: Command = defineCommand({
  meta: { name: "set", description: "Write one setting into the configuration file; the rest of it stays as it is." },
  args: {
    key: { type: "positional", required: true, description: "like general.default_backend" },
    value: { type: "positional", required: true, description: "a word, a number, true, false, or TOML" },
  },
  examples: ["config set general.default_backend local", "config set agents.claude.trust_worktrees true"],
  async run({ args, context }) {
    await context.access.setSetting(args.key, args.value);
    context.output.say(`Set ${args.key} in ${await context.access.settingsPath()}`);
    if ((await context.access.daemonRecord(context.signal)) !== undefined && !args.key.startsWith("attach.")) {
      context.output.hint("The daemon reads it when it starts: clauderon daemon restart");
    }
    return 0;
  },
});

export const configListCommand: Command = defineCommand({
  meta: { name: "list", description: "Print every setting in force." },
  args: { origin: { type: "boolean", description: "where each one comes from" } },
  jsonFields: ["key", "value", "origin"],
  examples: ["config list", "config list --origin", "config list --json=key,value"],
  async run({ args, context }) {
    const { output, flags } = context;
    const { values } = await context.access.settings();
    if (flags.isJson) {
      await output.json(
        values.map(({ key, value, origin }) => pickFields({ key, value: value ?? null, origin }, flags.jsonFields)),
      );
      return 0;
    }
    const lines = formatTable(
      ["KEY", "VALUE", ...(args.origin ? ["ORIGIN"] : [])],
      values.map(({ key, value, origin }) => [
        key,
        value === undefined ? "-" : valueText(value),
        ...(args.origin ? [origin.place] : []),
      ]),
      undefined,
    );
    await output.write(`${lines.join("\n")}\n`);
    return 0;
  },
});

export const configPathCommand: Command = defineCommand({
  meta: { name: "path", description: "Print the path of the configuration file, whether it exists or not." },
  args: {},
  examples: ["config path"],
  async run({ context }) {
    const path = await context.access.settingsPath();
    await (context.flags.isJson ? context.output.json({ schemaVersion: 1, path }) : context.output.line(path));
    return 0;
  },
});

const valueText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
