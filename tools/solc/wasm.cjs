// npm's solc as a function: `load(fail)` gives { version(), compile(input, read) }, input and answer standard JSON as text,
// `read(unit)` the source of a unit that the input doesn't hold: { contents } or { error }.
"use strict";
const fs = require("fs");
const path = require("path");

const SOLJSON = path.join(__dirname, "..", "..", "node_modules", "solc", "soljson.js");

/** The wasm module's own entry point. npm solc's puts the input on a 5 MB stack and crashes on large ones. */
function load(fail) {
  if (!fs.existsSync(SOLJSON)) fail("the compiler is missing: run `make setup`");
  const before = process.listeners("uncaughtException").concat(process.listeners("unhandledRejection"));
  const soljson = require(SOLJSON);
  for (const event of ["uncaughtException", "unhandledRejection"])
    for (const listener of process.listeners(event)) if (!before.includes(listener)) process.removeListener(event, listener);

  const place = (text) => {
    const size = Buffer.byteLength(text, "utf8") + 1;
    const pointer = soljson._solidity_alloc(size);
    soljson.stringToUTF8(text, pointer, size);
    return pointer;
  };
  const compile = (input, read) => {
    const callback = soljson.addFunction((_context, kind, data, contents, error) => {
      const answer =
        soljson.UTF8ToString(kind) === "source" ? read(soljson.UTF8ToString(data)) : { error: "Unsupported callback." };
      if (answer.contents !== undefined) soljson.setValue(contents, place(answer.contents), "*");
      if (answer.error !== undefined) soljson.setValue(error, place(answer.error), "*");
    }, "viiiii");
    const output = soljson.UTF8ToString(soljson._solidity_compile(place(input), callback, 0));
    soljson.removeFunction(callback);
    soljson._solidity_reset();
    return output;
  };
  return { version: () => soljson.UTF8ToString(soljson._solidity_version()), compile };
}

module.exports = { load };
