import { noShell } from "./no-shell.js";
import { oneGit } from "./one-git.js";

export default {
  meta: { name: "clauderon" },
  rules: { "no-shell": noShell, "one-git": oneGit },
};
