// A tiny stand-in for a coding agent: no network, no model. It reads its task, changes one file, and waits for more, as real ones do.
import { readFile, writeFile } from "node:fs/promises";

const [task = "nothing"] = process.argv.slice(2);
const say = (text: string): void => {
  process.stdout.write(`example-agent: ${text}\r\n`);
};

say(`my task is: ${task}`);
const path = "greeting.mjs";
const before = await readFile(path, "utf8");
const after = before.replace("Helo", "Hello");
if (after === before) {
  say("there is nothing to change");
} else {
  await writeFile(path, after);
  say(`I have corrected ${path}`);
}
say("what else? (Ctrl-C ends me)");
process.on("SIGINT", () => process.exit(0));
process.stdin.resume();
