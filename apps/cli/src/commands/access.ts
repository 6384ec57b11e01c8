import { UsageError, type AccessMode, type SessionAccessChange, type SessionDetail } from "@clauderon/core/contract";

import { defineCommand, type Command } from "../command/command.ts";
import { pickFields } from "../output/json.ts";
import { printable } from "../output/printable.ts";
import { resolveSession } from "../session/resolve-session.ts";

const modes: readonly AccessMode[] = ["read-write", "read-only"];
const fields = ["schemaVersion", "id", "name", "accessMode", "network", "allow", "deny", "isAdvisory", "budget"];

export const accessCommand: Command = defineCommand({
  meta: {
    name: "access",
    description: "Show or change what a session may reach and do. A change holds at once, also while it runs.",
  },
  args: {
    name: { type: "positional", description: "session", completes: "sessions" },
    "access-mode": {
      type: "positional",
      description: "read-write, or read-only: models and fetches work, writes are refused",
      completes: modes,
    },
    mode: { type: "enum", options: ["read-write", "read-only"], description: "the same as ACCESS-MODE" },
    network: {
      type: "enum",
      options: ["open", "listed", "none"],
      description: "every public host; hosts with a rule and those allowed; nothing",
    },
    allow: { type: "string", valueHint: "HOST[:PORT]", repeatable: true, description: "allow it, too" },
    deny: {
      type: "string",
      valueHint: "HOST[:PORT]",
      repeatable: true,
      description: "deny it; stronger than rules and --allow",
    },
    remove: {
      type: "string",
      valueHint: "HOST[:PORT]",
      repeatable: true,
      description: "take an entry out of both lists",
    },
    advisory: { type: "boolean", description: "take what the backend cannot enforce as a help against mistakes" },
  },
  jsonFields: fields,
  examples: [
    "access fix-login",
    "access fix-login read-only --advisory",
    "access fix-login --network listed --allow example.com:8443",
    "access fix-login --deny telemetry.example.com",
    "access fix-login --remove telemetry.example.com --json",
  ],
  notes: [
    "Requests in flight are finished; connections that would not be let in any more are cut.",
    "On backends of this machine the agent can go round the proxy: restrictions need --advisory there.",
  ],
  async run({ args, context }) {
    const change = changeOf(args);
    const session = await resolveSession(args.name, context);
    const { signal } = context;
    const isAsked = Object.keys(change).length > 0;
    const detail = isAsked ? await session.changeAccess(change, { signal }) : await session.detail({ signal });
    if (context.flags.isJson) await context.output.json(pickFields(detail, context.flags.jsonFields ?? fields));
    else await context.output.write(describe(detail));
    return 0;
  },
});

interface AccessValues {
  readonly "access-mode": string | undefined;
  readonly mode: AccessMode | undefined;
  readonly network: SessionAccessChange["network"];
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly remove: readonly string[];
  readonly advisory: boolean;
}

function changeOf(args: AccessValues): SessionAccessChange {
  const accessMode = modeOf(args);
  return {
    ...(accessMode === undefined ? {} : { accessMode }),
    ...(args.network === undefined ? {} : { network: args.network }),
    ...(args.allow.length === 0 ? {} : { allow: args.allow }),
    ...(args.deny.length === 0 ? {} : { deny: args.deny }),
    ...(args.remove.length === 0 ? {} : { remove: args.remove }),
    ...(args.advisory ? { isAdvisory: true } : {}),
  };
}

function modeOf({ "access-mode": text, mode: option }: AccessValues): AccessMode | undefined {
  const word = modes.find((known) => known === text);
  if (text !== undefined && word === undefined) {
    throw new UsageError({
      message: `"${text.slice(0, 100)}" is not an access mode`,
      why: `the modes are ${modes.join(" and ")}`,
      fix: ["clauderon access NAME read-only", "several sessions are changed one by one"],
    });
  }
  if (word !== undefined && option !== undefined && word !== option) {
    throw new UsageError({
      message: `${word} and --mode ${option} contradict each other`,
      fix: [`leave ${word} out`, "leave the option out"],
    });
  }
  return word ?? option;
}

function describe(detail: SessionDetail): string {
  const rows: readonly (readonly [string, string])[] = [
    ["session", detail.name],
    ["access", detail.accessMode + (detail.isAdvisory ? " (advisory: the agent can go round the proxy)" : "")],
    ["network", detail.network],
    ...detail.allow.map((entry): readonly [string, string] => ["allowed", entry]),
    ...detail.deny.map((entry): readonly [string, string] => ["denied", entry]),
    ["budget", detail.budget ?? "none"],
  ];
  return rows.map(([label, value]) => `${label.padEnd(9)}${printable(value)}\n`).join("");
}
