import { defineCommand, type Command } from "../command/command.ts";
import { pickFields } from "../output/json.ts";
import { formatTable } from "../output/table.ts";

export const proxyRulesCommand: Command = defineCommand({
  meta: {
    name: "rules",
    description: "List the proxy's rules, those of proxy.toml first: which credential goes to which host.",
  },
  args: {},
  jsonFields: [
    "id",
    "description",
    "origin",
    "host",
    "port",
    "paths",
    "methods",
    "protocol",
    "inject",
    "placeholder",
    "secret",
    "state",
    "anonymous",
    "sources",
  ],
  examples: ["proxy rules", "proxy rules --json", "proxy rules --json=id,host,secret,state"],
  notes: ["Your own: [[rules]] in ~/.clauderon/proxy.toml. With -q: only their ids, one per line."],
  async run({ context }) {
    const { output, flags } = context;
    const { settings, secrets } = await context.access.proxyHome();
    const rows = settings.rules.map((rule) => ({
      id: rule.id,
      description: rule.description,
      origin: settings.userRuleIds.includes(rule.id) ? "proxy.toml" : "shipped",
      host: rule.host,
      port: rule.port ?? 443,
      paths: rule.paths ?? null,
      methods: rule.methods ?? null,
      protocol: rule.protocol,
      inject: rule.inject ?? null,
      placeholder: rule.placeholder ?? null,
      secret: rule.secret ?? null,
      state: rule.secret === undefined ? null : secrets.describe(rule.secret).state,
      anonymous: rule.anonymous ?? null,
      sources: rule.sources ?? [],
    }));
    if (flags.isJson) {
      await output.json(rows.map((row) => pickFields(row, flags.jsonFields)));
      return 0;
    }
    if (flags.isQuiet) {
      await output.write(rows.map(({ id }) => `${id}\n`).join(""));
      return 0;
    }
    const [header = "", ...lines] = formatTable(
      ["RULE", "HOST", "SECRET", "STATE", "ORIGIN", "WHAT"],
      rows.map(({ id, host, port, secret, state, origin, description }) => [
        id,
        port === 443 ? host : `${host}:${port}`,
        secret ?? "-",
        state ?? "-",
        origin,
        description,
      ]),
      output.stdout.isTerminal ? output.stdout.columns() : undefined,
    );
    await output.write([output.style.stdout.bold(header), ...lines, ""].join("\n"));
    for (const note of settings.notes) output.note(note);
    return 0;
  },
});
