import { UsageError } from "@clauderon/core/contract";

import { defineCommand, type Command } from "../command/command.ts";
import { pickFields } from "../output/json.ts";
import { formatTable } from "../output/table.ts";
import { credentialNames, nearestCredential } from "../values/credential-names.ts";

export const credentialsTestCommand: Command = defineCommand({
  meta: {
    name: "test",
    description:
      "Read credentials, and ask their vendors where a question costs nothing; exits 1 when one does not hold.",
  },
  args: {
    name: {
      type: "positional",
      repeatable: true,
      description: "names; default: all that are there",
      completes: credentialNames,
    },
  },
  jsonFields: ["name", "origin", "outcome", "detail", "fix"],
  examples: ["config credentials test", "config credentials test anthropic github --json"],
  notes: [
    "Outcomes: accepted (its vendor takes it); readable (it is there, its vendor is not asked); refused (its vendor does not take it); failed.",
    "The question goes through a proxy of its own, with your [proxy] settings, and is written into the proxy's log.",
  ],
  async run({ args, context }) {
    const { output, flags, signal } = context;
    const home = await context.access.proxyHome();
    const all = await home.secrets.list();
    const unknown = args.name.find((name) => !all.some((info) => info.name === name));
    if (unknown !== undefined) {
      const meant = nearestCredential(home, unknown);
      throw new UsageError({
        message: `There is no credential "${unknown}"`,
        fix: [
          meant === undefined ? "see them: clauderon config credentials" : `did you mean ${meant}?`,
          `store it: clauderon config credentials set ${unknown}`,
        ],
        context: { name: unknown },
      });
    }
    const present = all.filter(({ state }) => state !== "missing").map(({ name }) => name);
    const trials = [];
    for (const name of args.name.length > 0 ? args.name : present) trials.push(await home.trySecret(name, { signal }));
    const isGood = trials.every(({ outcome }) => outcome === "accepted" || outcome === "readable");
    if (flags.isJson) {
      const rows = trials.map(({ name, origin = null, outcome, detail, fix = null }) =>
        pickFields({ name, origin, outcome, detail, fix }, flags.jsonFields),
      );
      await output.json(rows);
      return isGood ? 0 : 1;
    }
    const lines = formatTable(
      ["NAME", "ORIGIN", "OUTCOME", "DETAIL"],
      trials.map(({ name, origin = "-", outcome, detail }) => [name, origin, outcome, detail]),
      undefined,
    );
    if (trials.length > 0) await output.write(`${lines.join("\n")}\n`);
    else output.say("No credential is stored; store one: clauderon config credentials set NAME");
    for (const { name, fix } of trials) if (fix !== undefined) output.note(`${name}: ${fix}`);
    return isGood ? 0 : 1;
  },
});
