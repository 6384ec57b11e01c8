import { enableCompileCache } from "node:module";

enableCompileCache();

const argv = process.argv.slice(2);
const [first] = argv;

if (argv.length === 0 || (argv.length === 1 && (first === "--help" || first === "-h"))) {
  const { mainHelp } = await import("./output/main-help.ts");
  process.stdout.write(mainHelp);
} else if (argv.length === 1 && (first === "--version" || first === "-V")) {
  const { version } = await import("./version.ts");
  process.stdout.write(`${version}\n`);
} else {
  const { runProcess } = await import("./run-process.ts");
  await runProcess(argv);
}
