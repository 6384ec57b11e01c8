import { resolve } from "node:path";

import { FileError, UsageError } from "@clauderon/core/contract";

import { Cancelled } from "../cancelled.ts";
import { defineCommand, type Command } from "../command/command.ts";
import { formatTable } from "../output/table.ts";
import { showSetupScript } from "../session/setup-script.ts";

export const trustAddCommand: Command = defineCommand({
  meta: {
    name: "add",
    description: "Trust what a repository's .clauderon/setup holds, so that new sessions run it before their agent.",
  },
  args: { path: { type: "positional", description: "a checkout of the repository; default: this directory" } },
  examples: ["trust ~/project", "trust . --yes"],
  notes: [
    "Trusted is this exact content, by its hash: once the script changes, it is asked for again. What the script itself calls is not part of that.",
    "create --trust-setup does the same for the session that it makes.",
  ],
  async run({ args, context }) {
    const { access, output, flags } = context;
    const place = resolve(context.currentDirectory, args.path ?? ".");
    const script = await access.setupScript(place);
    if (script === undefined) throw noScript(place);
    const trust = await access.setupTrust();
    const { hash, repository } = script;
    if (!(await trust.has(hash))) {
      showSetupScript(script, context);
      if (!flags.isYes && !context.canPrompt) {
        throw new UsageError({
          code: "usage.needs-input",
          message: `Trust ${script.path}?`,
          fix: [`read it, then say so: clauderon trust ${repository} --yes`],
        });
      }
      const isTrusted = flags.isYes || (await context.prompts.confirm("Run this in new sessions of the repository?"));
      if (!isTrusted) throw new Cancelled();
      await trust.add({ hash, repository, at: new Date().toISOString() });
    }
    if (flags.isJson) await output.json({ schemaVersion: 1, hash, repository });
    output.say(`Trusted ${script.path}`);
    output.hint(`Take it back: clauderon trust revoke ${hash.slice(0, 12)}`);
    return 0;
  },
});

export const trustListCommand: Command = defineCommand({
  meta: { name: "list", description: "List the setup scripts that are trusted." },
  args: {},
  examples: ["trust list", "trust list --json"],
  async run({ context }) {
    const { output, flags } = context;
    const trusted = await (await context.access.setupTrust()).list();
    if (flags.isJson) {
      await output.json(trusted.map((setup) => ({ schemaVersion: 1, ...setup })));
      return 0;
    }
    if (trusted.length === 0) {
      output.say("No setup script is trusted");
      return 0;
    }
    const rows = trusted.map(({ hash, at, repository }) => [hash.slice(0, 12), at.slice(0, 10), repository]);
    await output.write(`${formatTable(["HASH", "SINCE", "REPOSITORY"], rows, undefined).join("\n")}\n`);
    return 0;
  },
});

export const trustRevokeCommand: Command = defineCommand({
  meta: { name: "revoke", description: "Trust setup scripts no more." },
  args: { which: { type: "positional", required: true, description: "the hash, its beginning, or the repository" } },
  examples: ["trust revoke 3f2a90b1c4d5", "trust revoke ~/project"],
  async run({ args, context }) {
    const trust = await context.access.setupTrust();
    const path = resolve(context.currentDirectory, args.which);
    const isHash = /^[0-9a-f]{8,64}$/u.test(args.which);
    const found = (await trust.list()).filter(
      ({ hash, repository }) => repository === path || (isHash && hash.startsWith(args.which)),
    );
    if (found.length === 0) {
      throw new UsageError({
        message: `Nothing trusted is called ${JSON.stringify(args.which)}`,
        fix: ["see what is: clauderon trust list"],
      });
    }
    for (const { hash, repository } of found) {
      await trust.remove(hash);
      context.output.say(`Revoked ${hash.slice(0, 12)} (${repository})`);
    }
    if (context.flags.isJson) await context.output.json(found.map((setup) => ({ schemaVersion: 1, ...setup })));
    return 0;
  },
});

function noScript(path: string): FileError {
  return new FileError({
    code: "file.not-found",
    message: `There is no setup script for ${path}`,
    why: "a repository's setup is the regular file .clauderon/setup at the root of a checkout",
    fix: [
      "name a checkout that has one: clauderon trust PATH",
      "or set a command of your own: clauderon config set workspace.setup 'npm ci'",
    ],
    context: { path },
  });
}
