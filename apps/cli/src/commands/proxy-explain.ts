import { SessionError, UsageError } from "@clauderon/core/contract";
import type { Explanation, ProxyHome, ProxyIdentity } from "@clauderon/proxy";

import { defineCommand, type Command } from "../command/command.ts";
import { pickFields } from "../output/json.ts";
import { printable } from "../output/printable.ts";

/** What a session on this machine has when nothing else was said. */
const usual: ProxyIdentity = {
  sessionId: "",
  sessionName: "a session on this machine",
  policy: { accessMode: "read-write", network: "open", allow: [], deny: [], isIsolated: false, isUnconfined: true },
};

export const proxyExplainCommand: Command = defineCommand({
  meta: {
    name: "explain",
    description: "Say what the proxy would do with a request, and why. Nothing is sent and no name is resolved.",
  },
  args: {
    url: { type: "positional", required: true, description: "like https://api.github.com/user; wss:// for WebSockets" },
    method: { type: "string", alias: "X", valueHint: "M", description: "default GET" },
    session: {
      type: "string",
      valueHint: "NAME",
      description: "as this session would be treated; default: a read-write session on this machine, its network open",
    },
  },
  jsonFields: ["url", "method", "session", "outcome", "target", "connect", "ruleId", "secret", "refusal", "steps"],
  examples: [
    "proxy explain https://api.anthropic.com/v1/messages --method POST",
    "proxy explain https://github.com/acme/app.git/git-receive-pack -X POST --session fix-login",
    "proxy explain https://example.com --json=outcome,refusal",
  ],
  notes: ["Outcomes: injected (the credential is put in); forwarded (as it is); tunnelled (not looked into); refused."],
  async run({ args, context }) {
    const { output, flags } = context;
    const question = parseUrl(args.url);
    const method = parseMethod(args.method ?? "GET");
    const home = await context.access.proxyHome();
    const identity = args.session === undefined ? usual : await findSession(home, args.session);
    const budget = args.session === undefined ? undefined : await home.budget();
    const explanation = home.explain({ ...question, method, identity, budget });
    if (flags.isJson) {
      const session = args.session === undefined ? null : identity.sessionName;
      const { target = null, connect = null, ruleId = null, secret = null, refusal = null, ...rest } = explanation;
      const row = { ...rest, session, target, connect, ruleId, secret, refusal };
      await output.json({ schemaVersion: 1, ...pickFields(row, flags.jsonFields) });
      return 0;
    }
    await output.write(describe(explanation));
    return 0;
  },
});

function parseUrl(text: string): { readonly url: string; readonly isUpgrade: boolean } {
  const [, scheme = ""] = /^(https?|wss?):\/\/[^/?#]/i.exec(text) ?? [];
  if (scheme === "") {
    throw new UsageError({
      message: `"${text.slice(0, 200)}" is not a URL`,
      fix: [
        `write https:// before the host: clauderon proxy explain https://${text.replace(/^\w*:\/*/, "").slice(0, 200)}`,
      ],
    });
  }
  const isUpgrade = scheme.toLowerCase().startsWith("ws");
  return { url: isUpgrade ? text.replace(/^ws/i, "http") : text, isUpgrade };
}

function parseMethod(text: string): string {
  if (/^[A-Z]{1,20}$/.test(text)) return text;
  throw new UsageError({
    message: `--method cannot be "${text.slice(0, 100)}"`,
    fix: ["write it in capitals: --method POST"],
  });
}

async function findSession(home: ProxyHome, name: string): Promise<ProxyIdentity> {
  const sessions = await home.sessions();
  const found = sessions.find(({ sessionName, sessionId }) => sessionName === name || sessionId === name);
  if (found !== undefined) return found;
  const names = sessions.map(({ sessionName }) => sessionName);
  throw new SessionError({
    code: "session.not-found",
    message: `The proxy knows no session "${name}"`,
    why: names.length === 0 ? "no session uses it" : `it knows ${names.join(", ")}`,
    fix: [
      "see the sessions: clauderon list; one that was started before the proxy runs without it",
      "without --session a usual session on this machine is assumed",
    ],
    context: { name },
  });
}

function describe({ outcome, method, url, steps, refusal }: Explanation): string {
  const marks = { passes: "ok  ", refused: "no  ", note: "    " };
  const lines = [
    `${outcome}: ${method} ${url}`,
    ...steps.map((each) => `  ${marks[each.outcome]}${each.step.padEnd(12)}${each.text}`),
    ...(refusal === undefined ? [] : [`  status ${refusal.status}, ${refusal.code}`, `  fix: ${refusal.fix}`]),
  ];
  return lines.map((line) => `${printable(line)}\n`).join("");
}
