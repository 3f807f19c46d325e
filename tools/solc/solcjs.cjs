// npm's solc behind the command line of the native compiler, as far as Ape and Slither use it:
//   solc --version
//   solc --standard-json [FILE] [--base-path DIR] [--include-path DIR]... [--allow-paths ...]
//   solc --combined-json abi,bin,... [--optimize] [--via-ir] [remapping=path]... FILE...
// Only the answer goes to stdout; a failure is one line on stderr and exit code 1.
"use strict";
const fs = require("fs");
const path = require("path");
const wasm = require("./wasm.cjs");

function fail(message) {
  process.stderr.write(`solc: ${message}\n`);
  process.exit(1);
}

/** What the command line asks for; options that change nothing here (--allow-paths, colours) are dropped. */
function parse(argv) {
  const request = { files: [], remappings: [], includes: [], basePath: ".", optimizer: { enabled: false, runs: 200 } };
  const values = {
    "--base-path": (v) => (request.basePath = v),
    "--include-path": (v) => request.includes.push(v),
    "--combined-json": (v) => (request.combined = v.split(",")),
    "--optimize-runs": (v) => (request.optimizer = { enabled: true, runs: Number(v) }),
    "--evm-version": (v) => (request.evmVersion = v),
    "--allow-paths": () => {},
  };
  const flags = {
    "--version": () => (request.version = true),
    "--standard-json": () => (request.standard = true),
    "--optimize": () => (request.optimizer.enabled = true),
    "--via-ir": () => (request.viaIR = true),
  };
  for (let i = 0; i < argv.length; i++) {
    const [name, inline] = argv[i].startsWith("--") ? argv[i].split(/=(.*)/s) : [argv[i]];
    if (name in values) values[name](inline !== undefined ? inline : argv[++i]);
    else if (name in flags) flags[name]();
    else if (name.startsWith("-") && name !== "-") continue;
    else if (name.includes("=")) request.remappings.push(name);
    else request.files.push(name);
  }
  return request;
}

/** Finds a source unit as the native compiler does: under the base path, then the include paths. */
function reader(request) {
  const roots = [request.basePath, ...request.includes].map((root) => path.resolve(root));
  return (unit) => {
    const name = unit.startsWith("file://") ? unit.slice(7) : unit;
    for (const root of roots) {
      const file = path.resolve(root, name);
      if (fs.existsSync(file)) return { contents: fs.readFileSync(file, "utf8") };
    }
    return { error: "File not found." };
  };
}

const COMBINED = {
  abi: ["abi", (c) => c.abi],
  bin: ["evm.bytecode.object", (c) => c.evm.bytecode.object],
  "bin-runtime": ["evm.deployedBytecode.object", (c) => c.evm.deployedBytecode.object],
  srcmap: ["evm.bytecode.sourceMap", (c) => c.evm.bytecode.sourceMap],
  "srcmap-runtime": ["evm.deployedBytecode.sourceMap", (c) => c.evm.deployedBytecode.sourceMap],
  userdoc: ["userdoc", (c) => c.userdoc],
  devdoc: ["devdoc", (c) => c.devdoc],
  hashes: ["evm.methodIdentifiers", (c) => c.evm.methodIdentifiers],
  metadata: ["metadata", (c) => c.metadata],
};

/** The old --combined-json answer, made from a standard one. */
function combined(solc, request) {
  const wanted = request.combined.filter((name) => name in COMBINED);
  const read = reader(request);
  const sources = {};
  for (const file of request.files) {
    const found = read(file);
    if (found.error) fail(`${file}: ${found.error}`);
    sources[file] = { content: found.contents };
  }
  const settings = {
    optimizer: request.optimizer,
    viaIR: request.viaIR,
    evmVersion: request.evmVersion,
    remappings: request.remappings,
    outputSelection: { "*": { "*": wanted.map((name) => COMBINED[name][0]), "": ["ast"] } },
  };
  const output = JSON.parse(solc.compile(JSON.stringify({ language: "Solidity", sources, settings }), read));
  const errors = (output.errors || []).filter((e) => e.severity === "error");
  if (errors.length) fail(errors.map((e) => e.formattedMessage).join("\n"));

  const answer = { contracts: {}, sourceList: [], sources: {}, version: solc.version() };
  for (const [unit, contracts] of Object.entries(output.contracts || {}))
    for (const [name, contract] of Object.entries(contracts))
      answer.contracts[`${unit}:${name}`] = Object.fromEntries(wanted.map((key) => [key, COMBINED[key][1](contract)]));
  for (const [unit, source] of Object.entries(output.sources)) {
    answer.sourceList[source.id] = unit;
    answer.sources[unit] = { AST: source.ast };
  }
  return JSON.stringify(answer);
}

function main() {
  const request = parse(process.argv.slice(2));
  if (!request.version && !request.standard && !request.combined) fail("use --version, --standard-json or --combined-json");
  const solc = wasm.load(fail);
  if (request.version) return `solc, the solidity compiler commandline interface\nVersion: ${solc.version()}`;
  if (request.combined) return combined(solc, request);
  const file = request.files.find((name) => name !== "-");
  return solc.compile(fs.readFileSync(file || 0, "utf8"), reader(request));
}

const answer = Buffer.from(main() + "\n");
for (let at = 0; at < answer.length; ) {
  try {
    at += fs.writeSync(1, answer, at);
  } catch (error) {
    if (error.code === "EPIPE") break; // nobody reads on
    if (error.code !== "EAGAIN") throw error; // a full pipe: try again
  }
}
