#!/usr/bin/env node
import { runProgram } from "./commands/program.ts";

// grpc-js writes lines of its own to stderr; what matters of them is in the errors that it throws. It reads this when
// it is loaded, which the commands do as late as they can.
process.env.GRPC_VERBOSITY ??= "NONE";
// `cairn … | head` closes the pipe early: that is no fault.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});
process.exitCode = await runProgram(process.argv);
