#!/usr/bin/env node
import module from "node:module";

// Compiled code is kept between runs where Node does that (22.8 and later).
(module as { enableCompileCache?: () => void }).enableCompileCache?.();

// The build puts program.js and all that it loads into a few files: most of a short command is opening files.
const { runProgram } = (await import(
  new URL("../bundle/program.js", import.meta.url).href
)) as typeof import("./program.js");
process.exitCode = await runProgram(process.argv.slice(2));
