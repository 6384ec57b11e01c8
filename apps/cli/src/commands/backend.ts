import type { BackendInfo, BackendOverview } from "@clauderon/core/contract";

import { defineCommand, type Command } from "../command/command.ts";
import { pickFields } from "../output/json.ts";
import { formatTable } from "../output/table.ts";

export const backendListCommand: Command = defineCommand({
  meta: { name: "list", description: "List backends, whether they can be used here, and what they can do." },
  args: {},
  jsonFields: ["backendId", "isUsable", "version", "isDefault", "isolation", "capabilities", "checks"],
  examples: ["backend list", "backend list --json=backendId,isUsable"],
  async run({ context }) {
    const { output, flags } = context;
    const client = await context.client();
    const overview = await client.backends({ signal: context.signal });
    if (flags.isJson) {
      await output.json(overview.backends.map((info) => pickFields(backendRow(info, overview), flags.jsonFields)));
      return 0;
    }
    if (flags.isQuiet) {
      await output.write(overview.backends.map(({ backendId }) => `${backendId}\n`).join(""));
      return 0;
    }
    const lines = formatTable(
      ["BACKEND", "USABLE", "VERSION", "ISOLATION", "CAPABILITIES"],
      overview.backends.map((info) => [
        info.backendId === overview.default.backendId ? `${info.backendId} (default)` : info.backendId,
        info.report.isUsable ? "yes" : "no",
        info.report.version ?? "-",
        info.capabilities.isolation,
        powersOf(info).join(", ") || "-",
      ]),
      undefined,
    );
    await output.write(`${lines.join("\n")}\n`);
    return 0;
  },
});

function backendRow(info: BackendInfo, overview: BackendOverview): object {
  return {
    backendId: info.backendId,
    isUsable: info.report.isUsable,
    version: info.report.version ?? null,
    isDefault: info.backendId === overview.default.backendId,
    isolation: info.capabilities.isolation,
    capabilities: info.capabilities,
    checks: info.report.checks,
  };
}

function powersOf(info: BackendInfo): readonly string[] {
  return Object.entries(info.capabilities).flatMap(([name, value]) => (value === true ? [name] : []));
}
