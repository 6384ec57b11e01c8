import { noShell } from "./no-shell.js";

export default {
  meta: { name: "clauderon" },
  rules: { "no-shell": noShell },
};
