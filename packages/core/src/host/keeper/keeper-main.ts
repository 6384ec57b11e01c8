import { createInterface } from "node:readline";

import type { KeeperConfiguration } from "./keeper-protocol.ts";
import { KeeperServer } from "./keeper-server.ts";

// Started by `startKeeper`: the configuration comes on standard input, so that nothing of it shows among the arguments. Input that ends before
// the second line means that whoever made this sandbox failed.
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const first = await lines.next();
if (first.done === true) process.exit(1);
const server = new KeeperServer(JSON.parse(first.value) as KeeperConfiguration);
const port = await server.listen();
process.stdout.write(`${JSON.stringify({ port })}\n`);
const second = await lines.next();
if (second.done === true) process.exit(1);
server.watch();
process.stdin.destroy();
