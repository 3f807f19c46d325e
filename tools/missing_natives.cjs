// Prints the packages with Foundry's programs for this machine that npm left out: it skips the optional packages of
// platforms that the lock file doesn't mention. `make setup` then installs them by name.
"use strict";
const fs = require("fs");

const { dependencies } = JSON.parse(fs.readFileSync("package.json", "utf8"));
const machine = `${process.platform}-${process.arch === "x64" ? "amd64" : process.arch}`;
const missing = ["@foundry-rs/anvil", "@foundry-rs/forge"]
  .map((name) => ({ name: `${name}-${machine}`, version: dependencies[name] }))
  .filter(({ name }) => !fs.existsSync(`node_modules/${name}/package.json`));
console.log(missing.map(({ name, version }) => `${name}@${version}`).join(" "));
