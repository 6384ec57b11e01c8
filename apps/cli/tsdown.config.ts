import type { UserConfig } from "tsdown";

import { application } from "../../tsdown.shared.ts";

const config: UserConfig = {
  ...application({ main: "src/main.ts" }),
  // A lazy import within the one file of commands loads nothing, and does not have to.
  checks: { ineffectiveDynamicImport: false },
  outputOptions: {
    codeSplitting: {
      groups: [
        // `clauderon --help` and `--version` read nothing else.
        { name: "main-help", test: /\/apps\/cli\/src\/output\/main-help\.ts$/, priority: 1 },
        { name: "version", test: /\/apps\/cli\/src\/version\.ts$/, priority: 1 },
        // Every other command reads one file: they are small, and opening a file costs more than what is not used of it.
        { name: "commands", test: /\/apps\/cli\/src\/(?!main\.ts$|session\/command-runner\.ts$)/ },
      ],
    },
  },
};

export default config;
