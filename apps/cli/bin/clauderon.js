#!/usr/bin/env node
// Plain old syntax, valid as a script and as a module: an old Node must get as far as the message below.
var version = process.versions.node.split(".").map(Number);
var isSupported = (version[0] === 24 && version[1] >= 11) || version[0] >= 26;

if (isSupported) {
  import("../dist/main.js");
} else {
  process.stderr.write(
    "clauderon needs Node 24.11 or a later 24, or Node 26 or later; this is Node " +
      process.versions.node +
      ".\n" +
      "Get it with one of:\n" +
      "  nvm install 24\n" +
      "  fnm install 24\n" +
      "  npx -p node@24 -p clauderon clauderon\n" +
      "  https://nodejs.org/en/download\n",
  );
  process.exitCode = 1;
}
