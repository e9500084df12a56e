/**
 * Files that are written: whole or not at all, and by one process at a time; and what threads reply. Needs Node.
 *
 * Read `replace-file.ts` first: every command that writes a file goes through it. `file-lock.ts` is for files that grow
 * while they are recorded.
 */
export { FileLock, fileWriter, lockPath } from "./file-lock.js";
export {
  cannotWrite,
  type OpenFlags,
  outputFile,
  type ReplaceOptions,
  replaceFile,
  writeWhole,
} from "./replace-file.js";
export { type ThreadRefusal, threadReplies } from "./thread-replies.js";
