import { removeTree } from "../../src/remove-tree.ts";

try {
  await removeTree(process.argv[2] ?? "");
  process.stdout.write("removed");
} catch (error) {
  process.stdout.write(String(error));
}
