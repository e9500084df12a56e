import type { RequestWriter } from "./request-writer.js";

/**
 * Says which fields a server refuses, in its words, and what is unknown or different for want of each; also where it
 * passes over that an answer is to go on to its full length.
 * @param told.usage the server tells token counts all the same
 * @param told.sentAgain requests that it refused in mid-run
 * @param told.shorter answers of fewer tokens than were asked for
 */
export function refusedNotes(
  writer: RequestWriter,
  told: { readonly usage: boolean; readonly sentAgain: number; readonly shorter: number },
): string[] {
  const notes = [...writer.refused].map(([field, words]) => {
    const instead = field.startsWith("max_") ? writer.limitName : undefined;
    if (instead !== undefined) return `the server refuses ${field} (${words}): sent as ${instead}`;
    return `the server refuses ${field} (${words}): sent without it: ${consequence(field, told.usage)}`;
  });
  if (told.sentAgain > 0)
    notes.push(`${told.sentAgain} requests that were refused for such a field were sent again without it`);
  if (told.shorter > 0 && writer.sends("ignore_eos"))
    notes.push(
      `${told.shorter} answers are shorter than was asked for: the server passes over ignore_eos, or counts otherwise`,
    );
  return notes;
}

function consequence(field: string, tellsUsage: boolean): string {
  switch (field) {
    case "stream_options":
      return tellsUsage
        ? "it tells token counts all the same"
        : "nothing counts tokens: output tokens are the chunks that came, prompts are as long as they were meant to be, cached tokens are unknown";
    case "ignore_eos":
      return "answers may be shorter than was asked for";
    case "return_token_ids":
      return "it tells no token ids";
    case "temperature":
      return "answers are drawn at its own temperature, and differ from run to run";
    default:
      return "answers are as long as it makes them, which is not the load that was asked for";
  }
}
