import { UsageError } from "@clauderon/core/contract";

import { defineCommand, type Command } from "../command/command.ts";
import { notRunning } from "./daemon.ts";

export const urlCommand: Command = defineCommand({
  meta: { name: "url", description: "Print the address of the running daemon; exits 5 when none runs." },
  args: {
    token: { type: "boolean", description: "print the token instead" },
    header: { type: "boolean", description: "print the header that carries the token instead" },
    qr: { type: "boolean", description: "draw the address as a QR code" },
  },
  examples: ["url", "url --header", "url --qr"],
  notes: ['For curl: curl -H "$(clauderon url --header)" "$(clauderon url)/api/sessions"'],
  async run({ args, context }) {
    if ([args.token, args.header, args.qr].filter(Boolean).length > 1) {
      throw new UsageError({ message: "--token, --header and --qr exclude each other", fix: ["keep one of them"] });
    }
    const { access, output, flags } = context;
    const record = await access.daemonRecord(context.signal);
    if (record === undefined) throw notRunning(await access.homeDirectory());
    if (args.qr) {
      const { renderUnicodeCompact } = await import("uqr");
      await output.line(renderUnicodeCompact(record.url));
      return 0;
    }
    const token = args.token || args.header ? await access.token() : undefined;
    if (flags.isJson)
      await output.json({ schemaVersion: 1, url: record.url, ...(token === undefined ? {} : { token }) });
    else if (token === undefined) await output.line(record.url);
    else await output.line(args.header ? `Authorization: Bearer ${token}` : token);
    return 0;
  },
});
