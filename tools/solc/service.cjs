// npm's solc as a service, for programs that compile often: loaded once, it answers each line of stdin (standard JSON) by a
// line of stdout, until stdin ends. Nothing is read from disk: the input holds all sources.
"use strict";
const readline = require("readline");
const wasm = require("./wasm.cjs");

function fail(message) {
  process.stderr.write(`solc: ${message}\n`);
  process.exit(1);
}

const solc = wasm.load(fail);
const missing = (unit) => ({ error: `${unit} is not among the sources.` });

readline.createInterface({ input: process.stdin, crlfDelay: Infinity }).on("line", (line) => {
  process.stdout.write(solc.compile(line, missing) + "\n");
});
