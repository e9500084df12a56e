// Runs the cases of one file in this process and sends them to the parent: a file's memory and compiled code are its own.
import { fileURLToPath, pathToFileURL } from "node:url";

const file = process.argv[2];
const { bench } = await import(pathToFileURL(fileURLToPath(new URL(file, import.meta.url))).href);
process.send(await bench());
process.disconnect();
