import { UsageError } from "@clauderon/core/contract";
import type { ProxyHome } from "@clauderon/proxy";

import type { CommandContext } from "../command/command-context.ts";
import { defineCommand, type Command } from "../command/command.ts";
import { pickFields } from "../output/json.ts";
import { formatTable } from "../output/table.ts";
import { credentialNames, nearestCredential } from "../values/credential-names.ts";
import { readSecretValue } from "../values/secret-value.ts";

export const credentialsListCommand: Command = defineCommand({
  meta: {
    name: "list",
    description: "List credentials: where each comes from, and its state. Values are never shown.",
  },
  args: {},
  jsonFields: ["name", "description", "state", "origin", "place", "why", "fix"],
  examples: ["config credentials", "config credentials list", "config credentials list --json=name,state,origin"],
  notes: [
    "States: ready; configured (1Password or the keyring is asked when it is needed); refused (see the reason below the list); missing.",
    "The first that has it counts: your environment, 1Password, the keyring, a file in ~/.clauderon/secrets, the login of Codex.",
    "Variables are those of this terminal; the proxy has those of the terminal that started it.",
    "With -q: only the names of those that are there, one per line.",
  ],
  async run({ context }) {
    const { output, flags } = context;
    const { secrets, settings } = await context.access.proxyHome();
    const all = await secrets.list();
    if (flags.isJson) {
      await output.json(
        all.map(({ name, description, state, origin = null, place = null, why = null, fix = null }) =>
          pickFields({ name, description, state, origin, place, why, fix }, flags.jsonFields),
        ),
      );
      return 0;
    }
    if (flags.isQuiet) {
      const present = all.filter(({ state }) => state !== "missing");
      await output.write(present.map(({ name }) => `${name}\n`).join(""));
      return 0;
    }
    const [header = "", ...rows] = formatTable(
      ["NAME", "STATE", "ORIGIN", "FROM", "WHAT"],
      all.map(({ name, state, origin = "-", place = "-", description }) => [name, state, origin, place, description]),
      output.stdout.isTerminal ? output.stdout.columns() : undefined,
    );
    await output.write([output.style.stdout.bold(header), ...rows, ""].join("\n"));
    for (const { name, state, why, fix } of all)
      if (state === "refused") output.note(`${name}: ${why ?? "it cannot be used"}; fix: ${fix ?? "store it again"}`);
    for (const note of settings.notes) output.note(note);
    output.hint("Store one: clauderon config credentials set NAME");
    return 0;
  },
});

export const credentialsSetCommand: Command = defineCommand({
  meta: { name: "set", description: "Store a credential, from standard input or asked for without showing it." },
  args: {
    name: {
      type: "positional",
      required: true,
      description: "like anthropic, github, npm, or one of a rule of yours",
      completes: credentialNames,
    },
    keyring: { type: "boolean", description: "in the keyring of this desktop; default: a file only you can read" },
  },
  examples: [
    "config credentials set anthropic",
    "config credentials set github --keyring",
    "config credentials set npm --json",
  ],
  notes: [
    "In a pipe: gh auth token | clauderon config credentials set github",
    "It holds at once, also for sessions that run. It is never an argument: those can be read by every user of the machine.",
  ],
  async run({ args, context }) {
    const { output, flags } = context;
    const home = await context.access.proxyHome();
    const name = home.secrets.nameOf(args.name);
    // Before the value is asked for: a name that was mistyped is the first thing to correct.
    const unused = unusedName(home, name);
    if (unused !== undefined) output.note(unused);
    const value = await readSecretValue(name, context);
    const place = args.keyring ? "keyring" : "file";
    const info = await home.secrets.set(args.name, value, { place });
    await home.reload();
    if (flags.isJson) await output.json({ schemaVersion: 1, ...info });
    else output.say(`Stored ${info.name} in ${args.keyring ? "the keyring" : home.settings.secretsDirectory}`);
    if (info.origin !== place)
      output.note(`${info.place ?? "another place"} is stronger: ${info.name} still comes from there`);
    return 0;
  },
});

/** What is told of a name that no rule and nothing else here knows. */
function unusedName({ settings, secrets }: ProxyHome, name: string): string | undefined {
  const isUsed = settings.rules.some(({ secret }) => secret === name);
  if (isUsed || secrets.describe(name).description !== "") return undefined;
  const meant = nearestCredential({ settings }, name);
  return `no rule uses ${name}${meant === undefined ? ": clauderon proxy rules" : `; did you mean ${meant}?`}`;
}

export const credentialsRemoveCommand: Command = defineCommand({
  meta: { name: "rm", description: "Remove stored credentials; sessions cannot use them from then on." },
  args: {
    name: { type: "positional", required: true, repeatable: true, description: "names", completes: credentialNames },
  },
  examples: ["config credentials rm npm", "config credentials rm openai gemini"],
  async run({ args, context }) {
    if (args.name.length === 0) throw needsName("rm", "rm npm");
    const home = await context.access.proxyHome();
    const removed: string[] = [];
    try {
      for (const name of args.name) {
        await home.secrets.remove(name);
        removed.push(name);
      }
    } finally {
      if (removed.length > 0) {
        await home.reload();
        // Said also when a later one could not be removed.
        if (!context.flags.isJson) context.output.say(`Removed ${removed.join(", ")}`);
      }
    }
    if (context.flags.isJson) await context.output.json({ schemaVersion: 1, removed });
    return 0;
  },
});

export const credentialsImportCommand: Command = defineCommand({
  meta: {
    name: "import",
    description: "Store the credentials that are in this terminal's environment and nowhere else.",
  },
  args: {
    name: { type: "positional", repeatable: true, description: "only these", completes: credentialNames },
    keyring: { type: "boolean", description: "in the keyring of this desktop; default: files only you can read" },
  },
  jsonFields: ["name", "variable"],
  examples: ["config credentials import", "config credentials import github npm --keyring"],
  notes: ["As long as a variable is set it is stronger than what is stored."],
  async run({ args, context }) {
    const home = await context.access.proxyHome();
    const found = chosen(home, args.name);
    const place = args.keyring ? "keyring" : "file";
    for (const { name, variable } of found)
      await home.secrets.set(name, context.environment[variable] ?? "", { place });
    if (found.length > 0) await home.reload();
    await reportImport(found, context);
    return 0;
  },
});

interface Importable {
  readonly name: string;
  readonly variable: string;
}

function chosen(home: ProxyHome, names: readonly string[]): readonly Importable[] {
  const all = home.secrets.importable();
  const missing = names.find((name) => !all.some((each) => each.name === name));
  if (missing === undefined) return names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
  const meant = nearestCredential(home, missing);
  throw new UsageError({
    message: `There is no ${missing} to import`,
    why: "no known variable holds it, or it is stored already",
    fix: [
      meant === undefined ? "see what there is: clauderon config credentials" : `did you mean ${meant}?`,
      `store it: clauderon config credentials set ${missing}`,
    ],
    context: { name: missing },
  });
}

async function reportImport(found: readonly Importable[], { output, flags }: CommandContext): Promise<void> {
  if (flags.isJson) await output.json(found.map((each) => pickFields(each, flags.jsonFields)));
  else if (flags.isQuiet) await output.write(found.map(({ name }) => `${name}\n`).join(""));
  else if (found.length === 0) output.say("Nothing to import: no known variable holds a credential that is not stored");
  else for (const { name, variable } of found) output.say(`Stored ${name} from ${variable}`);
}

function needsName(command: string, example: string): UsageError {
  return new UsageError({
    code: "usage.needs-input",
    message: `config credentials ${command} needs a name`,
    fix: [`clauderon config credentials ${example}`, "see them: clauderon config credentials"],
  });
}
