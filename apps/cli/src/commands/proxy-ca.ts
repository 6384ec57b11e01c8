import { access } from "node:fs/promises";

import { defineCommand, type Command } from "../command/command.ts";

export const proxyCaPathCommand: Command = defineCommand({
  meta: {
    name: "path",
    description: "Print the path of the certificates that sandboxes trust: the proxy's own, the system's and yours.",
  },
  args: {
    java: { type: "boolean", description: "of the same as a trust store for Java (password changeit)" },
  },
  examples: ["proxy ca path", "proxy ca path --java"],
  notes: ["The key is not in it. It is made when the proxy starts for the first time."],
  async run({ args, context }) {
    const { files } = await context.access.proxyHome();
    const path = args.java ? files.trustStore : files.bundle;
    const exists = await access(path).then(
      () => true,
      () => false,
    );
    if (context.flags.isJson) await context.output.json({ schemaVersion: 1, path, exists });
    else await context.output.line(path);
    if (!exists) context.output.note("it is not there yet: the proxy makes it when it starts for the first time");
    return 0;
  },
});

export const proxyCaRotateCommand: Command = defineCommand({
  meta: {
    name: "rotate",
    description: "Make a new certificate authority for new sessions; running ones keep theirs, and both are trusted.",
  },
  args: {},
  examples: ["proxy ca rotate"],
  notes: ["The old one is forgotten when the last session that began with it is gone."],
  async run({ context }) {
    const home = await context.access.proxyHome();
    const { isRunning, isFirst } = await home.rotateAuthority();
    const path = home.files.bundle;
    if (context.flags.isJson) await context.output.json({ schemaVersion: 1, path, isRunning, isFirst });
    else if (isFirst) context.output.say(`There was no authority yet; ${path} holds the first`);
    else context.output.say(`New sessions get a new authority; ${path} holds both`);
    return 0;
  },
});
